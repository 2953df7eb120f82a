import { css, html, nothing, type TemplateResult } from 'lit';
import type { TakeoverStage, TakeoverStatus } from '../../../src/lib/contract/api.ts';
import type { HealthReason } from '../../../src/lib/contract/health.ts';
import { CpElement } from '../elements/element.ts';
import { icon, type IconName } from '../elements/icon.ts';
import { setStyle } from '../elements/set-style.ts';
import { language } from '../i18n/i18n.ts';
import { describeReason, loadDiagnoses } from '../lib/describe-reason.ts';
import { percent } from '../lib/format.ts';
import { hrefOf } from '../lib/location.ts';
import { place } from '../lib/router.ts';
import { status } from '../lib/status.ts';
import { readChoice, writeChoice } from '../lib/storage.ts';
import {
  commandsIn,
  hasShare,
  hindranceOf,
  isSpokenOf,
  PROGRAMS,
  stopCommand,
  takeoverMark,
} from '../lib/takeover.ts';
import { shell } from './texts.ts';

export const TAKEOVER = '/takeover';

const LOOKS = {
  waiting: { icon: 'pause', tone: 'warn' },
  moving: { icon: 'clock', tone: 'accent' },
  copying: { icon: 'clock', tone: 'accent' },
  reporting: { icon: 'clock', tone: 'accent' },
  done: { icon: 'ok', tone: 'good' },
  failed: { icon: 'error', tone: 'bad' },
} as const satisfies Record<TakeoverStage, { icon: IconName; tone: string }>;

export const takeoverLook = ({ state }: TakeoverStatus): (typeof LOOKS)[TakeoverStage] => LOOKS[state];

/** How it is in a few words, with the share of the way where there is one. */
export function takeoverTitle(takeover: TakeoverStatus): string {
  const words = shell.t(`takeover_${takeover.state}`, { program: PROGRAMS[takeover.program] });
  return hasShare(takeover)
    ? shell.t('takeoverShare', { words, share: percent(takeover.percent / 100) })
    : words;
}

/** What stands in the way and what to do about it, in two sentences; else what that state means. */
export function takeoverText(takeover: TakeoverStatus, reasons: readonly HealthReason[]): TemplateResult {
  const hindrance = hindranceOf(takeover, reasons);
  if (!hindrance) {
    return html`<p>${shell.t(takeover.state === 'done' ? 'takeoverDone' : 'takeoverMeanwhile')}</p>`;
  }
  const told = 'code' in hindrance ? describeReason(hindrance) : hindrance;
  const command = takeover.state === 'waiting' ? stopCommand(takeover, told.fix) : null;
  // Only health has its words in every language.
  const foreign = !('code' in hindrance) && language.value !== 'en';
  return html`<div lang=${foreign ? 'en' : nothing}>
    <p>${told.message}</p>
    ${told.fix ? html`<p>${coded(told.fix)}</p>` : nothing}
    ${command === null ? nothing : html`<p><code>${command}</code></p>`}
  </div>`;
}

/** A sentence in which commands look like commands. */
export function coded(text: string): readonly (string | TemplateResult)[] {
  return commandsIn(text).map((piece, index) => (index % 2 === 1 ? html`<code>${piece}</code>` : piece));
}

/** `role=progressbar` is for those who ask; who only hears the page is not told each percent. */
export function takeoverBar(takeover: TakeoverStatus): TemplateResult | typeof nothing {
  if (!hasShare(takeover)) return nothing;
  return html`<div
    class="bar"
    role="progressbar"
    aria-label=${shell.t('takeoverProgress')}
    aria-valuemin="0"
    aria-valuemax="100"
    aria-valuenow=${takeover.percent}
  >
    <span ${setStyle({ width: `${takeover.percent}%` })}></span>
  </div>`;
}

export const takeoverStyles = css`
  .bar {
    overflow: hidden;
    height: 6px;
    border-radius: 3px;
    background: color-mix(in srgb, var(--accent) 22%, var(--surface));
  }
  .bar span {
    display: block;
    height: 100%;
    border-radius: 3px;
    background: var(--accent);
    transition: width var(--quick);
  }
  @media (forced-colors: active) {
    .bar {
      border: 1px solid;
    }
    .bar span {
      background: Highlight;
      forced-color-adjust: none;
    }
  }
`;

/**
 * `<cp-takeover>`: how far the history of an older program has come; `boxed` within a page. Nothing where there is none.
 */
export class TakeoverStrip extends CpElement {
  static override properties = { dismissed: { state: true } };
  declare dismissed: string | null;

  constructor() {
    super();
    this.dismissed = readChoice('view:takeover');
    this.watch(status);
    this.watch(place);
    this.during(() => status.use());
    this.during(() => void loadDiagnoses().then(() => this.requestUpdate()));
  }

  override render(): TemplateResult | typeof nothing {
    const { takeover, health } = status.value.value ?? {};
    if (!isSpokenOf(takeover, this.dismissed, Date.now())) return nothing;
    const { state } = takeover;
    const look = takeoverLook(takeover);
    // The page of the takeover begins with all of this.
    if (place.value.path === TAKEOVER) return nothing;
    return html`<section class="strip ${look.tone}" aria-label=${shell.t('takeoverProgress')}>
      ${icon(look.icon, look.tone === 'accent' ? '' : look.tone)}
      <div class="grow words">
        <p class="title">${takeoverTitle(takeover)}</p>
        <div class="soft">${takeoverText(takeover, health?.reasons ?? [])}</div>
        ${takeoverBar(takeover)}
      </div>
      <span class="row">
        <a class="btn" href=${hrefOf(TAKEOVER)}
          >${shell.t(state === 'done' ? 'takeoverReport' : 'takeoverDetails')}</a
        >
        ${
          state === 'done'
            ? html`<button
                class="btn quiet square"
                aria-label=${shell.t('takeoverHide')}
                title=${shell.t('takeoverHide')}
                @click=${() => this.#hide(takeover)}
              >
                ${icon('close')}
              </button>`
            : nothing
        }
      </span>
      <span class="unseen" role="status"
        >${shell.t(`takeover_${state}`, { program: PROGRAMS[takeover.program] })}</span
      >
    </section>`;
  }

  #hide(takeover: TakeoverStatus): void {
    this.dismissed = takeoverMark(takeover);
    writeChoice('view:takeover', this.dismissed);
  }

  static override styles = [
    CpElement.styles,
    takeoverStyles,
    css`
      .strip {
        position: relative;
        display: flex;
        align-items: flex-start;
        gap: 10px 12px;
        padding: 10px 16px 10px 24px;
        border-bottom: 1px solid var(--line);
        background: var(--accent-soft);
        font-size: var(--size-2);
        line-height: 20px;
        overflow-wrap: anywhere;
      }
      .strip.warn {
        background: var(--warn-soft);
      }
      .strip.bad {
        background: var(--bad-soft);
      }
      .strip.good {
        background: var(--good-soft);
      }
      .strip > .icon {
        margin-top: 2px;
      }
      .strip.accent > .icon {
        color: var(--accent);
      }
      .words {
        display: grid;
        gap: 2px;
      }
      .title {
        font-weight: 600;
        font-variant-numeric: tabular-nums;
      }
      .bar {
        max-width: 560px;
        margin-top: 6px;
      }
      :host([boxed]) {
        container-type: inline-size;
      }
      :host([boxed]) .strip {
        flex-wrap: wrap;
        margin-bottom: 20px;
        padding: 12px 14px;
        border: 0;
        border-radius: var(--radius-2);
      }
      @media (max-width: 760px) {
        .strip {
          flex-wrap: wrap;
          padding: 10px 12px 10px 16px;
        }
        .words {
          flex-basis: calc(100% - 40px);
        }
        .strip > .row {
          margin-inline-start: 28px;
        }
      }
      @media print {
        .strip {
          display: none;
        }
      }
    `,
  ];
}

customElements.define('cp-takeover', TakeoverStrip);
declare global {
  interface HTMLElementTagNameMap {
    'cp-takeover': TakeoverStrip;
  }
}
