import type { DashboardAnswer, Tone } from '../contract/api/dashboard.ts';
import type { DayFigures, Figures } from './day-figures.ts';
import { averageLatency, byText, ratio, usd } from './figures.ts';

/** Rows of a list of channels or failure sources. */
const MOST_ROWS = 5;

/** A credential with the names that are shown of it; `''` where there is none. */
export interface ChannelIdentity {
  readonly authIndex: string;
  readonly sourceHash: string;
  readonly source: string;
  readonly account: string;
  readonly label: string;
  readonly provider: string;
}

export interface ChannelFigures extends Figures {
  readonly identity: ChannelIdentity;
}

/** What each credential did, those with most calls first: where several share a row, its names are of the first that has them. */
export function channelFigures(
  figures: DayFigures,
  identity: (credentialId: number | null, providerId: number | null) => ChannelIdentity,
): ChannelFigures[] {
  return Array.from(figures.channels.values(), (channel) => ({
    ...channel,
    identity: identity(channel.credentialId, channel.providerId),
  })).sort(
    (a, b) =>
      b.calls - a.calls ||
      b.lastSeenMs - a.lastSeenMs ||
      byText(a.identity.sourceHash, b.identity.sourceHash),
  );
}

/** Adds up the channels that have the same key. */
function merged(
  channels: readonly ChannelFigures[],
  key: (one: ChannelIdentity) => string,
): ChannelFigures[] {
  const rows = new Map<string, ChannelFigures>();
  for (const channel of channels) {
    const at = key(channel.identity);
    const row = rows.get(at);
    if (row === undefined) rows.set(at, channel);
    else {
      const { identity: names } = row;
      const others = channel.identity;
      rows.set(at, {
        calls: row.calls + channel.calls,
        failures: row.failures + channel.failures,
        tokens: row.tokens + channel.tokens,
        costNano: row.costNano + channel.costNano,
        latencySumMs: row.latencySumMs + channel.latencySumMs,
        latencyCount: row.latencyCount + channel.latencyCount,
        lastSeenMs: Math.max(row.lastSeenMs, channel.lastSeenMs),
        identity: {
          ...names,
          source: names.source || others.source,
          account: names.account || others.account,
          label: names.label || others.label,
          provider: names.provider || others.provider,
        },
      });
    }
  }
  return Array.from(rows.values());
}

function names({ source, account, label, provider }: ChannelIdentity) {
  return {
    ...(source !== '' && { source }),
    ...(account !== '' && { account_snapshot: account }),
    ...(label !== '' && { auth_label_snapshot: label }),
    ...(provider !== '' && { auth_provider_snapshot: provider }),
  };
}

const SEVERITY: Readonly<Record<Tone, number>> = { bad: 2, warn: 1, good: 0 };

function channelTone(figures: Figures): Tone {
  const { calls, failures } = figures;
  const successRate = ratio(calls - failures, calls);
  const latency = averageLatency(figures) ?? 0;
  if (successRate < 0.85 || failures >= 5 || latency >= 30_000) return 'bad';
  return successRate < 0.95 || failures > 0 || latency >= 15_000 ? 'warn' : 'good';
}

export function channelHealth(channels: readonly ChannelFigures[]): DashboardAnswer['channel_health'] {
  return merged(channels, ({ authIndex }) => authIndex)
    .map((figures) => ({ figures, tone: channelTone(figures) }))
    .sort(
      (a, b) =>
        SEVERITY[b.tone] - SEVERITY[a.tone] ||
        b.figures.failures - a.figures.failures ||
        b.figures.calls - a.figures.calls ||
        byText(a.figures.identity.authIndex, b.figures.identity.authIndex),
    )
    .slice(0, MOST_ROWS)
    .map(({ figures, tone }) => ({
      auth_index: figures.identity.authIndex === '' ? '-' : figures.identity.authIndex,
      ...names(figures.identity),
      calls: figures.calls,
      failures: figures.failures,
      failure_rate: ratio(figures.failures, figures.calls),
      success_rate: ratio(figures.calls - figures.failures, figures.calls),
      tokens: figures.tokens,
      cost: usd(figures.costNano),
      average_latency_ms: averageLatency(figures),
      tone,
    }));
}

export function failureSources(channels: readonly ChannelFigures[]): DashboardAnswer['failure_sources'] {
  return merged(channels, ({ sourceHash, authIndex }) => `${sourceHash}/${authIndex}`)
    .filter(({ failures }) => failures > 0)
    .sort((a, b) => b.failures - a.failures || b.lastSeenMs - a.lastSeenMs)
    .slice(0, MOST_ROWS)
    .map((figures) => ({
      ...names(figures.identity),
      source_hash: figures.identity.sourceHash,
      auth_index: figures.identity.authIndex,
      calls: figures.calls,
      failures: figures.failures,
      failure_rate: ratio(figures.failures, figures.calls),
      last_seen_ms: figures.lastSeenMs,
      average_latency_ms: averageLatency(figures),
      tone: figures.failures >= 5 || ratio(figures.failures, figures.calls) >= 0.5 ? 'bad' : 'warn',
    }));
}
