import { html, nothing, type TemplateResult } from 'lit';
import type { TakeoverAttention, TakeoverReport } from '../../../../src/lib/contract/api.ts';
import { language } from '../../i18n/i18n.ts';
import { ago, count, dateTime } from '../../lib/format.ts';
import { icon } from '../../elements/icon.ts';
import { coded } from '../../app/takeover-strip.ts';
import { attentionGroups } from './compare.ts';
import { takeoverTexts as texts } from './texts.ts';

/** Deletes what was moved aside, after asking. */
const CLEANUP = 'cpamp cleanup --old-volume';

/** What the daemon says for people is English. */
const foreign = (): 'en' | typeof nothing => (language.value === 'en' ? nothing : 'en');

/** What nobody else will do, by its kind. */
export function attentionCard({ attention }: TakeoverReport, nowMs: number): TemplateResult | typeof nothing {
  if (attention.length === 0) return nothing;
  return html`<cp-card class="whole attention" heading=${texts.t('attention')}>
    ${attentionGroups(attention).map(([code, lines]) => group(code, lines, nowMs))}
  </cp-card>`;
}

function group(code: string, lines: readonly TakeoverAttention[], nowMs: number): TemplateResult {
  const grave = code === 'switched_off' || code === 'rows_missing';
  return html`<section class="group">
    ${icon(grave ? 'error' : 'alert', grave ? 'bad' : 'warn')}
    <div class="grow">
      <h3>${headingOf(code, lines.length)}</h3>
      ${code === 'switched_off' ? html`<p class="soft">${texts.t('attention_switched_off_text')}</p>` : nothing}
      <ul>
        ${lines.map(
          (line) =>
            html`<li>
              ${code === 'switched_off' ? due(line.dueAtMs, nowMs) : nothing}
              <p lang=${foreign()}>${coded(line.message)}</p>
            </li>`,
        )}
      </ul>
    </div>
  </section>`;
}

const KINDS = [
  'switched_off',
  'rows_lost',
  'rows_shortened',
  'rows_unreadable',
  'rows_missing',
  'management_key_needed',
  'data_key_needed',
  'gateway_address',
  'setting_damaged',
  'price_refused',
  'price_tiers_refused',
  'alias_missing',
  'alias_refused',
  'table_damaged',
  'old_file_readable',
] as const;

/** What lines of a kind have in common. Of a newer daemon there may be others, whose words say it all. */
function headingOf(code: string, n: number): string {
  return texts.t(`attention_${KINDS.find((one) => one === code) ?? 'other'}`, { n });
}

function due(atMs: number | null, nowMs: number): TemplateResult {
  if (atMs === null) return html`<p class="due soft">${icon('clock')}${texts.t('noDue')}</p>`;
  const over = atMs <= nowMs;
  return html`<p class="due num ${over ? 'bad' : 'warn'}">
    ${icon(over ? 'alert' : 'clock')}<span
      >${texts.t(over ? 'overdue' : 'due')} <b>${dateTime(atMs)}</b> (${ago(atMs, nowMs)})</span
    >
  </p>`;
}

const LEFT = [
  'quota_cooldowns',
  'account_action_candidates',
  'codex_inspection_runs',
  'codex_inspection_results',
  'codex_inspection_logs',
  'codex_inspection_disable_ownership',
  'account_quota_observations',
  'account_quota_windows',
  'account_quota_window_activations',
  'account_quota_cycles',
  'account_quota_snapshots',
] as const;

/** What stays in the old file, because there is no place for it here. */
export function leftCard({ left }: TakeoverReport): TemplateResult | typeof nothing {
  if (left.length === 0) return nothing;
  return html`<cp-card class="half" flush heading=${texts.t('leftHeading')}>
    <p class="soft lead">${texts.t('leftText')}</p>
    <div class="scroller" tabindex="0" role="group" aria-label=${texts.t('leftHeading')}>
      <table class="table">
        <thead>
          <tr>
            <th scope="col">${texts.t('what')}</th>
            <th scope="col" class="num">${texts.t('rows')}</th>
          </tr>
        </thead>
        <tbody>
          ${left.map(({ table, what, rows }) => {
            const known = LEFT.find((one) => one === table);
            return html`<tr>
              <td>
                ${known ? texts.t(`left_${known}`) : html`<span lang=${foreign()}>${what}</span>`}
                <span class="mono faint small name">${table}</span>
              </td>
              <td class="num">${count(rows)}</td>
            </tr>`;
          })}
        </tbody>
      </table>
    </div>
  </cp-card>`;
}

/** What the old file holds in clear, and how to be rid of it. */
export function secretsCard({ oldPath }: TakeoverReport): TemplateResult {
  return html`<cp-card class="half" heading=${texts.t('secrets')}>
    <div class="stack secrets">
      <p class="mono path">${oldPath}</p>
      <p class="soft">${texts.t('secretsText')}</p>
      <p class="command"><code>${CLEANUP}</code><cp-copy .text=${CLEANUP} label=${CLEANUP}></cp-copy></p>
    </div>
  </cp-card>`;
}
