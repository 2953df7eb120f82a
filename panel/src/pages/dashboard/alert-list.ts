import { css, html, nothing, type TemplateResult } from 'lit';
import type { DashboardAnswer } from '../../../../src/lib/contract/api.ts';
import type { HealthReason } from '../../../../src/lib/contract/health.ts';
import type { GapCause } from '../../../../src/lib/contract/transport.ts';
import { icon, type IconName } from '../../elements/icon.ts';
import { toast } from '../../elements/toasts.ts';
import { api } from '../../lib/api.ts';
import { describeError } from '../../lib/describe-error.ts';
import { describeReason } from '../../lib/describe-reason.ts';
import { clockTime, moment, usd } from '../../lib/format.ts';
import { asApiError } from '../../lib/loader.ts';
import { hrefOf } from '../../lib/location.ts';
import { status } from '../../lib/status.ts';
import { remediesOf, type Alert } from './alerts.ts';
import type { Gap } from './day.ts';
import { dashboard } from './texts.ts';

interface View {
  readonly icon: IconName;
  readonly tone: 'bad' | 'warn' | 'soft';
  readonly message: string;
  readonly fix: string;
  readonly since: number | null;
  readonly actions: TemplateResult | typeof nothing;
}

export const alertView = (alert: Alert, summary: DashboardAnswer | null, nowMs: number): TemplateResult => {
  const view = viewOf(alert, summary, nowMs);
  return html`<li class="alert">
    ${icon(view.icon, view.tone)}
    <div class="grow">
      <p class="what">${view.message}</p>
      <p class="soft">
        ${view.fix}
        ${
          view.since === null
            ? nothing
            : html`<span class="faint since"><cp-ago .at=${view.since}></cp-ago></span>`
        }
      </p>
    </div>
    <span class="do row">${view.actions}</span>
  </li>`;
};

function viewOf(alert: Alert, summary: DashboardAnswer | null, nowMs: number): View {
  if (alert.kind === 'gap') return gapView(alert.gap, nowMs);
  if (alert.kind === 'reason') return reasonView(alert.reason);
  const now = usd(summary?.today.total_cost ?? 0);
  const before = usd(summary?.yesterday.total_cost ?? 0);
  return {
    icon: 'coins',
    tone: 'warn',
    message: dashboard.t('costJump', { times: alert.times.toFixed(1) }),
    fix: dashboard.t('costJumpFix', { now, before }),
    since: null,
    actions: nothing,
  };
}

function reasonView(reason: HealthReason): View {
  const down = reason.level === 'down';
  return {
    ...describeReason(reason),
    icon: down ? 'error' : 'alert',
    tone: down ? 'bad' : 'warn',
    since: reason.since,
    actions: html`${remediesOf(reason.code).map((remedy) =>
      remedy === 'settings'
        ? html`<a class="btn" href=${hrefOf('/config')}>${dashboard.t('openSettings')}</a>`
        : html`<button class="btn" @click=${tryAgain}>${icon('refresh')}${dashboard.t('tryAgain')}</button>`,
    )}`,
  };
}

function gapView({ fromMs, toMs, cause, estimate }: Gap, nowMs: number): View {
  const why = isCause(cause) ? dashboard.t(CAUSES[cause]) : cause;
  const count = estimate === null ? '' : dashboard.t('gapCount', { n: estimate });
  const from = clock(fromMs, nowMs);
  return {
    icon: 'alert',
    tone: toMs === null ? 'warn' : 'soft',
    message:
      toMs === null
        ? dashboard.t('gapOpen', { from })
        : dashboard.t('gap', { from, to: sameDay(fromMs, toMs) ? clockTime(toMs) : clock(toMs, nowMs) }),
    fix: why + count,
    since: null,
    actions: html`<a
      class="btn"
      href=${hrefOf('/monitoring', { from_ms: fromMs - ROUND_MS, to_ms: (toMs ?? nowMs) + ROUND_MS })}
      >${dashboard.t('seeRequests')}</a
    >`,
  };
}

/** What is shown of requests before and after a gap: there are none within. */
const ROUND_MS = 300_000;

const clock = (ms: number, nowMs: number): string => (sameDay(ms, nowMs) ? clockTime(ms) : moment(ms, nowMs));

const sameDay = (a: number, b: number): boolean => new Date(a).toDateString() === new Date(b).toDateString();

const CAUSES = {
  downtime: 'gap_downtime',
  killed: 'gap_killed',
  subscription_cut: 'gap_subscription_cut',
  overflow: 'gap_overflow',
  unreachable: 'gap_unreachable',
  gateway_restart: 'gap_gateway_restart',
  truncated_answer: 'gap_truncated_answer',
  spool_full: 'gap_spool_full',
  paused: 'gap_paused',
  spool_damaged: 'gap_spool_damaged',
} as const satisfies Record<GapCause, string>;

const isCause = (cause: string): cause is GapCause => Object.hasOwn(CAUSES, cause);

async function tryAgain(): Promise<void> {
  try {
    await api.post('usage-service/retry');
    toast(dashboard.t('triedAgain'));
    status.refresh();
  } catch (error) {
    toast(describeError(asApiError(error)).title, 'bad');
  }
}

export const alertStyles = css`
  .alerts {
    border: 1px solid var(--line);
    border-radius: var(--radius-3);
    background: var(--surface);
  }
  .alert {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 4px 12px;
    min-height: 48px;
    padding: 7px 8px 7px 16px;
    font-size: var(--size-2);
    line-height: 18px;
    overflow-wrap: anywhere;
  }
  .alert + .alert {
    border-top: 1px solid var(--line);
  }
  .alert > .icon {
    align-self: flex-start;
    margin-top: 8px;
  }
  .alert .grow {
    flex-basis: 220px;
  }
  .alert .what {
    font-weight: 500;
  }
  .alert .since {
    white-space: nowrap;
  }
  @container (width < 620px) {
    .alert {
      padding-block: 10px;
    }
    .alert > .icon {
      margin-top: 1px;
    }
    .alert .do {
      flex-basis: 100%;
      margin: 4px 0 0 28px;
    }
  }
  .alerts > .btn {
    width: 100%;
    border-top: 1px solid var(--line);
    border-radius: 0 0 var(--radius-3) var(--radius-3);
  }
`;
