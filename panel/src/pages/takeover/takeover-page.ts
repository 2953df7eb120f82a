import { html, nothing, type PropertyValues, type TemplateResult } from 'lit';
import type { TakeoverAnswer, TakeoverReport, TakeoverStatus } from '../../../../src/lib/contract/api.ts';
import {
  takeoverBar,
  takeoverLook,
  takeoverStyles,
  takeoverText,
  takeoverTitle,
} from '../../app/takeover-strip.ts';
import '../../elements/controls.ts';
import '../../elements/display.ts';
import { CpElement } from '../../elements/element.ts';
import '../../elements/feedback.ts';
import '../../elements/figures.ts';
import { icon, type IconName } from '../../elements/icon.ts';
import { api } from '../../lib/api.ts';
import { loadDiagnoses } from '../../lib/describe-reason.ts';
import { dateTime } from '../../lib/format.ts';
import { Loader } from '../../lib/loader.ts';
import { place, setQuery } from '../../lib/router.ts';
import { info } from '../../lib/session.ts';
import { status } from '../../lib/status.ts';
import { PROGRAMS, takeoverMark } from '../../lib/takeover.ts';
import { attentionCard, leftCard, secretsCard } from './attention.ts';
import { reportFile, type DayChoice } from './compare.ts';
import { DAYS_STEP, daysCard } from './days-view.ts';
import { reasonsCard, ROWS_STEP } from './reasons-view.ts';
import { pageStyles } from './page-styles.ts';
import { takeoverTexts as texts } from './texts.ts';
import { itemsCard, totalsCard } from './totals.ts';

const STATES = {
  equal: { icon: 'ok', tone: 'good' },
  explained: { icon: 'info', tone: 'soft' },
  copying: { icon: 'clock', tone: 'soft' },
  different: { icon: 'error', tone: 'bad' },
} as const satisfies Record<TakeoverReport['state'], { icon: IconName; tone: string }>;

/** The report is made once; what changes meanwhile is told by the status. */
const EVERY_MS = 300_000;

const answer = new Loader<TakeoverAnswer>({
  intervalMs: EVERY_MS,
  load: (signal) => api.get<TakeoverAnswer>('usage-service/takeover', { signal }),
});

/** What became of the history of an older program: what still needs somebody, then every count there against here. */
export class TakeoverPage extends CpElement {
  static override properties = { days: { state: true }, rows: { state: true } };
  declare days: number;
  declare rows: number;
  /** Which state the answer belongs to. */
  #read = '';

  constructor() {
    super();
    this.days = DAYS_STEP;
    this.rows = ROWS_STEP;
    this.watch(answer);
    this.watch(status);
    this.watch(place);
    this.watch(info);
    this.during(() => answer.use());
    this.during(() => status.use());
    this.during(() => void loadDiagnoses().then(() => this.requestUpdate()));
  }

  /** Reads the report once there is another one. */
  override updated(_changed: PropertyValues): void {
    const now = status.value.value?.takeover;
    const mark = now ? takeoverMark(now) : '';
    if (mark === this.#read) return;
    const first = this.#read === '';
    this.#read = mark;
    if (!first) answer.restart();
  }

  override render(): TemplateResult {
    const { value, error } = answer.value;
    if (!value) {
      if (error) return html`<cp-error .error=${error} @retry=${() => answer.refresh()}></cp-error>`;
      return html`<cp-skeleton height="420px"></cp-skeleton>`;
    }
    const takeover = status.value.value?.takeover ?? value.takeover;
    const { report } = value;
    return html`${error ? html`<cp-error slim .error=${error} @retry=${() => answer.refresh()}></cp-error>` : nothing}
    ${takeover && (takeover.state !== 'done' || !report) ? this.#progress(takeover, report !== null) : nothing}
    ${
      report
        ? this.#report(report, takeover)
        : takeover
          ? nothing
          : html`<cp-empty icon="info" heading=${texts.t('none')}>${texts.t('noneText')}</cp-empty>`
    }`;
  }

  #progress(takeover: TakeoverStatus, reported: boolean): TemplateResult {
    const look = takeoverLook(takeover);
    const { state, done, total } = takeover;
    return html`<section class="progress" aria-label=${takeoverTitle(takeover)}>
      <div class="verdict">
        <span class="sign ${look.tone}">${icon(look.icon)}</span>
        <div class="grow">
          <h2>${takeoverTitle(takeover)}</h2>
          <div class="soft">${takeoverText(takeover, status.value.value?.health.reasons ?? [])}</div>
        </div>
        ${this.#setup()}
      </div>
      ${takeoverBar(takeover)}
      <dl class="facts">
        ${
          state === 'copying' || state === 'reporting'
            ? html`<dt>${texts.t(state === 'copying' ? 'copied' : 'compared')}</dt>
                <dd>${texts.t('progress', { done, total })}</dd>`
            : nothing
        }
        ${this.#facts(takeover)}
      </dl>
      ${reported ? nothing : html`<p class="faint small">${texts.t('reportLater')}</p>`}
    </section>`;
  }

  #facts({ program, release, oldPath, startedAtMs, endedAtMs }: TakeoverStatus): TemplateResult {
    return html`<dt>${texts.t('from')}</dt>
      <dd>${texts.t('schema', { program: PROGRAMS[program], release })}</dd>
      <dt>${texts.t('oldFile')}</dt>
      <dd class="mono">${oldPath}</dd>
      <dt>${texts.t('began')}</dt>
      <dd>${dateTime(startedAtMs)}</dd>
      ${
        endedAtMs === null
          ? nothing
          : html`<dt>${texts.t('ended')}</dt>
              <dd>${dateTime(endedAtMs)}</dd>`
      }`;
  }

  #report(report: TakeoverReport, takeover: TakeoverStatus | null): TemplateResult {
    const look = STATES[report.state];
    return html`<header class="verdict">
        <span class="sign ${look.tone}">${icon(look.icon)}</span>
        <div class="grow">
          <h2>${texts.t(`state_${report.state}`)}</h2>
          <p class="soft">${texts.t(`state_${report.state}_text`)}</p>
        </div>
        <span class="row wrap">
          <button class="btn" @click=${() => save(report)}>${icon('download')}${texts.t('download')}</button>
          ${takeover?.state === 'done' ? this.#setup() : nothing}
        </span>
      </header>
      <div class="grid">
        ${attentionCard(report, Date.now())} ${leftCard(report)} ${secretsCard(report)} ${totalsCard(report)}
        <div class="half stack">${itemsCard(report)} ${this.#copyCard(report, takeover)}</div>
        ${daysCard({
          report,
          choice: choiceOf(report),
          most: this.days,
          onChoice: (choice) => this.#choose(choice),
          onMore: () => (this.days += DAYS_STEP),
        })}
        ${reasonsCard(report, this.rows, () => (this.rows += ROWS_STEP))}
      </div>`;
  }

  #copyCard({ copy, comparedAtMs }: TakeoverReport, takeover: TakeoverStatus | null): TemplateResult {
    const parts = copy && [
      texts.t('copiedAdded', { n: copy.added }),
      ...(copy.duplicates > 0 ? [texts.t('copiedBefore', { n: copy.duplicates })] : []),
      ...(copy.refused > 0 ? [texts.t('copiedRefused', { n: copy.refused })] : []),
    ];
    return html`<cp-card heading=${texts.t('oldFile')}>
      <dl class="facts">
        ${takeover ? this.#facts(takeover) : nothing}
        ${
          parts
            ? html`<dt>${texts.t('copied')}</dt>
                <dd>${parts.join(', ')}</dd>`
            : nothing
        }
        <dt>${texts.t('compared')}</dt>
        <dd>${dateTime(comparedAtMs)}</dd>
      </dl>
    </cp-card>`;
  }

  /** Before there is a gateway, one came from the setup. */
  #setup(): TemplateResult | typeof nothing {
    if (!info.value?.setupRequired) return nothing;
    return html`<a class="btn primary" href="#/setup">${texts.t('toSetup')}</a>`;
  }

  #choose({ only, model }: Partial<DayChoice>): void {
    this.days = DAYS_STEP;
    setQuery({
      ...(only === undefined ? {} : { days: only }),
      ...(model === undefined ? {} : { model: model || null }),
    });
  }

  static override styles = [CpElement.styles, takeoverStyles, pageStyles];
}

/** What the address says; without a word of it, what differs if anything does. */
function choiceOf({ days }: TakeoverReport): DayChoice {
  const { query } = place.value;
  const only = query.get('days');
  const differs = days.some(({ equal }) => !equal);
  const model = query.get('model') ?? '';
  return {
    only: only === 'all' || only === 'different' ? only : differs ? 'different' : 'all',
    model: days.some((day) => day.model === model) ? model : '',
  };
}

function save(report: TakeoverReport): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([reportFile(report)], { type: 'application/json' }));
  link.download = `takeover-${new Date(report.comparedAtMs).toISOString().slice(0, 10)}.json`;
  link.click();
  // Not before the browser has begun to save it.
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

customElements.define('cp-page-takeover', TakeoverPage);
