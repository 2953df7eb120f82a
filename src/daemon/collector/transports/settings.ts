import type { Clock } from '../../../lib/contract/clock.ts';
import type {
  GatewayClient,
  GatewayConnection,
  KeyBreaker,
  PoppedRecords,
} from '../../../lib/contract/gateway.ts';
import type { RawRecord, TransportName } from '../../../lib/contract/record.ts';
import type { RespLimits } from '../../../lib/gateway/resp-reader.ts';

/** What every transport is made with. */
export interface TransportOptions {
  readonly connection: GatewayConnection;
  readonly settings: {
    /** Records asked for in one steady poll. */
    readonly batchSize: number;
    readonly pollIntervalMs: number;
  };
  /** How long the gateway keeps records, as it last said. */
  readonly retentionSeconds: () => number;
  readonly gatewayId: number;
  readonly clock: Clock;
  readonly breaker: KeyBreaker;
  readonly client: GatewayClient;
  readonly inContainer: boolean;
  /** Longest record that is kept whole, and how much is kept of a longer one. Default 8 MiB and 64 KiB. */
  readonly limits?: RespLimits;
}

/** How long an answer with records may still take once we are asked to end. */
export const GRACE_MS = 5_000;

/** A record as it goes to the inbox. */
export function rawRecord(
  options: Pick<TransportOptions, 'gatewayId'>,
  transport: TransportName,
  receivedAtMs: number,
  payload: Uint8Array,
  truncatedFrom: number | undefined,
): RawRecord {
  const record = { payload, receivedAtMs, transport, gatewayId: options.gatewayId };
  return truncatedFrom === undefined ? record : { ...record, truncatedFrom };
}

/** Popped records as they go to the inbox. */
export function rawRecords(
  options: Pick<TransportOptions, 'gatewayId' | 'clock'>,
  transport: TransportName,
  popped: PoppedRecords,
): RawRecord[] {
  const now = options.clock.now();
  return popped.payloads.map((payload, at) =>
    rawRecord(options, transport, now, payload, popped.truncated?.get(at)),
  );
}

/** A signal that fires a while after `signal` did: what is under way may be finished. */
export function graceAfter(signal: AbortSignal, clock: Clock, done: AbortSignal): AbortSignal {
  const grace = new AbortController();
  const begin = async (): Promise<void> => {
    await clock.sleep(GRACE_MS, done);
    if (!done.aborted) grace.abort();
  };
  if (signal.aborted) void begin();
  else signal.addEventListener('abort', () => void begin(), { once: true, signal: done });
  return grace.signal;
}
