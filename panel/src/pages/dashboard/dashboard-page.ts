import { html, nothing, type TemplateResult } from 'lit';
import type { DashboardAnswer, StatusAnswer } from '../../../../src/lib/contract/api.ts';
import '../../elements/controls.ts';
import { valueOf } from '../../elements/controls.ts';
import '../../elements/display.ts';
import { CpElement } from '../../elements/element.ts';
import '../../elements/feedback.ts';
import '../../elements/figures.ts';
import { icon, type IconName } from '../../elements/icon.ts';
import { common } from '../../i18n/common.ts';
import { language } from '../../i18n/i18n.ts';
import { api } from '../../lib/api.ts';
import { loadDiagnoses } from '../../lib/describe-reason.ts';
import { clockTime, percent } from '../../lib/format.ts';
import { Loader } from '../../lib/loader.ts';
import { hrefOf } from '../../lib/location.ts';
import { feed, status } from '../../lib/status.ts';
import { alertStyles, alertView } from './alert-list.ts';
import { alertsOf } from './alerts.ts';
import { collectorFacts, collectorStyles } from './collector.ts';
import { startOfDay, type Metric } from './day.ts';
import { cellStyles } from './health-matrix.ts';
import { figureStrip, figureStyles } from './figures.ts';
import { listStyles } from './list-styles.ts';
import { channelList, failureList, modelList, tokenMix } from './lists.ts';
import { Pace } from './pace.ts';
import { pageStyles } from './page-styles.ts';
import { dashboard } from './texts.ts';
import { todayCards } from './today-cards.ts';
import { verdictOf, type Level } from './verdict.ts';
import { waitingStyles, waitingView } from './waiting.ts';

const EVERY_MS = 60_000;
/** New events bring a new reading at most this often. */
const LIVE_MS = 4000;
/** So old, figures are said to be old. */
const STALE_MS = 3 * EVERY_MS;
const ALERTS_SHOWN = 3;

const LEVELS = {
  steady: { icon: 'ok', tone: 'good' },
  quiet: { icon: 'pause', tone: 'soft' },
  minor: { icon: 'alert', tone: 'warn' },
  attention: { icon: 'alert', tone: 'bad' },
  stopped: { icon: 'error', tone: 'bad' },
  unreachable: { icon: 'plug', tone: 'bad' },
} as const satisfies Record<Level, { icon: IconName; tone: string }>;

/** How far the daemon's clock is ahead of the one here: a day that has not begun for it is refused. */
let aheadMs = 0;

const summary = new Loader<DashboardAnswer>({
  intervalMs: EVERY_MS,
  load: async (signal) => {
    const query = { today_start_ms: startOfDay(Date.now() + aheadMs), top_models: 5, recent_failures: 5 };
    const answer = await api.get<DashboardAnswer>('v0/management/dashboard/summary', { query, signal });
    aheadMs = answer.generated_at_ms - Date.now();
    return answer;
  },
});

/** The words around a time that counts on by itself. */
function updated(atMs: number): TemplateResult {
  const [before, after] = common.t('updated', { when: '|' }).split('|');
  return html`<span class="wide">${before}</span><cp-ago .at=${atMs}></cp-ago
    ><span class="wide">${after}</span>`;
}

/** What one wants to know at a glance: do requests come, do they fail, what do they cost, what needs a hand. */
export class DashboardPage extends CpElement {
  static override properties = {
    metric: { state: true },
    tables: { state: true },
    allAlerts: { state: true },
  };
  declare metric: Metric;
  /** Which charts are shown as tables. */
  declare tables: ReadonlySet<string>;
  declare allAlerts: boolean;

  constructor() {
    super();
    this.metric = 'calls';
    this.tables = new Set();
    this.allAlerts = false;
    this.watch(summary);
    this.watch(status);
    this.during(() => summary.use());
    this.during(() => status.use());
    this.during(() => this.#live());
    this.during(() => this.#diagnoses());
    this.during(() => language.subscribe(() => this.#diagnoses()));
  }

  #diagnoses(): void {
    void loadDiagnoses().then(() => this.requestUpdate());
  }

  /** Reads again soon after something new came. In a hidden tab that waits until it is shown. */
  #live(): () => void {
    let missed = false;
    const read = (): void => {
      missed = document.hidden;
      if (missed) return;
      summary.refresh();
      if (this.#empty) status.refresh();
    };
    const pace = new Pace(
      {
        now: () => Date.now(),
        after: (ms, then) => {
          const timer = setTimeout(then, ms);
          return () => clearTimeout(timer);
        },
      },
      LIVE_MS,
      read,
    );
    const onShown = (): void => {
      if (missed && !document.hidden) pace.want();
    };
    document.addEventListener('visibilitychange', onShown);
    const ends = [
      feed.on('events', ({ count }) => {
        if (count > 0) pace.want();
      }),
      feed.on('changed', () => pace.want()),
      feed.on('reset', () => pace.want()),
      () => pace.stop(),
      () => document.removeEventListener('visibilitychange', onShown),
    ];
    return () => {
      for (const end of ends) end();
    };
  }

  /** Nothing was ever collected. */
  get #empty(): boolean {
    return status.value.value?.eventCount === 0 && (summary.value.value?.today.total_calls ?? 0) === 0;
  }

  override render(): TemplateResult {
    const { value: figures, error } = summary.value;
    const { value: state } = status.value;
    const failed = error ?? (state ? null : status.value.error);
    if (state && this.#empty) return html`${waitingView(state)}${this.#collector(state)}`;
    const nowMs = figures?.window.now_ms ?? Date.now();
    return html`${this.#verdict(figures, state, nowMs)}
    ${
      failed
        ? html`<cp-error ?slim=${figures !== null} .error=${failed} @retry=${this.#retry}></cp-error>`
        : nothing
    }
    ${failed && !figures ? nothing : this.#day(figures, state, nowMs)}`;
  }

  #day(figures: DashboardAnswer | null, state: StatusAnswer | null, nowMs: number): TemplateResult {
    return html`${this.#alerts(figures, state, nowMs)} ${figureStrip(figures)}
      <div class="grid">
        ${todayCards({
          summary: figures,
          gaps: state?.gaps ?? [],
          nowMs,
          metric: this.metric,
          tables: this.tables,
          onMetric: (event) => (this.metric = valueOf(event) === 'tokens' ? 'tokens' : 'calls'),
          onTable: (name) => this.#toggle(name),
        })}
        <cp-card class="third" flush heading=${dashboard.t('failures')}>
          ${
            figures && figures.today.failure_calls > 0
              ? html`<a slot="actions" class="btn quiet" href=${this.#failures(figures)}
                  >${dashboard.t('allFailures')}</a
                >`
              : nothing
          }
          ${failureList(figures)}
        </cp-card>
        <cp-card class="third" flush heading=${dashboard.t('models')}>${modelList(figures)}</cp-card>
        <cp-card class="third" flush heading=${dashboard.t('credentials')}>${channelList(figures)}</cp-card>
        <cp-card class="third" flush heading=${dashboard.t('mix')}>${tokenMix(figures)}</cp-card>
      </div>
      ${this.#collector(state)}`;
  }

  #failures({ window }: DashboardAnswer): string {
    return hrefOf('/monitoring', { from_ms: window.today_start_ms, status: 'failed' });
  }

  #toggle(name: string): void {
    const tables = new Set(this.tables);
    if (!tables.delete(name)) tables.add(name);
    this.tables = tables;
  }

  readonly #retry = (): void => {
    summary.refresh();
    status.refresh();
  };

  #verdict(figures: DashboardAnswer | null, state: StatusAnswer | null, nowMs: number): TemplateResult {
    const { error, loading, updatedAtMs } = summary.value;
    const level = verdictOf({ summary: figures, status: state, offline: error?.status === 0, nowMs });
    const look = level ? LEVELS[level] : null;
    const stale = updatedAtMs !== null && Date.now() - updatedAtMs > STALE_MS;
    return html`<header class="verdict">
      <span class="sign ${look?.tone ?? 'faint'}">${icon(look?.icon ?? 'clock')}</span>
      <div class="grow">
        <h2>
          ${level ? this.#sentence(level, figures, nowMs) : html`<cp-skeleton width="320px" height="24px"></cp-skeleton>`}
        </h2>
        <p class="small faint num">
          ${figures ? html`${dashboard.t('compared', { time: clockTime(nowMs) })}<i>·</i>` : nothing}
          ${updatedAtMs === null ? html`&nbsp;` : html`<span class=${stale ? 'warn' : ''}>${updated(updatedAtMs)}</span>`}
        </p>
      </div>
      <span class="unseen" role="status">${level ? dashboard.t(`level_${level}`) : ''}</span>
      <button
        class="btn quiet square"
        aria-label=${dashboard.t('refresh')}
        title=${dashboard.t('refresh')}
        aria-disabled=${loading ? 'true' : 'false'}
        @click=${this.#retry}
      >
        ${icon('refresh')}
      </button>
    </header>`;
  }

  #sentence(level: Level, figures: DashboardAnswer | null, nowMs: number): TemplateResult | string {
    const word = dashboard.t(`level_${level}`);
    if (!figures) return word;
    const { total_calls: n, success_rate: rate } = figures.today;
    const what =
      level === 'unreachable'
        ? dashboard.t('lastKnown', { time: clockTime(nowMs) })
        : n === 0
          ? dashboard.t('todayNone')
          : level === 'quiet'
            ? dashboard.t('quietSince', { n })
            : dashboard.t('today', { n, rate: percent(rate) });
    return html`<b>${dashboard.t('said', { level: word })}</b>${what}`;
  }

  #alerts(
    figures: DashboardAnswer | null,
    state: StatusAnswer | null,
    nowMs: number,
  ): TemplateResult | typeof nothing {
    const all = alertsOf(figures, state, nowMs);
    if (all.length === 0) return nothing;
    const shown = this.allAlerts ? all : all.slice(0, ALERTS_SHOWN);
    return html`<section class="alerts" aria-label=${dashboard.t('alerts')}>
      <ul>
        ${shown.map((alert) => alertView(alert, figures, nowMs))}
      </ul>
      ${
        all.length > ALERTS_SHOWN
          ? html`<button
              class="btn quiet"
              aria-expanded=${this.allAlerts ? 'true' : 'false'}
              @click=${() => (this.allAlerts = !this.allAlerts)}
            >
              ${
                this.allAlerts
                  ? dashboard.t('fewerAlerts')
                  : dashboard.t('allAlerts', { n: all.length - ALERTS_SHOWN })
              }
            </button>`
          : nothing
      }
    </section>`;
  }

  #collector(state: StatusAnswer | null): TemplateResult {
    return html`<cp-card flush heading=${dashboard.t('collector')}>${collectorFacts(state)}</cp-card>`;
  }

  static override styles = [
    CpElement.styles,
    pageStyles,
    cellStyles,
    alertStyles,
    figureStyles,
    listStyles,
    collectorStyles,
    waitingStyles,
  ];
}

customElements.define('cp-page-dashboard', DashboardPage);
