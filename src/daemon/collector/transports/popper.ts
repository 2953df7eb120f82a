import { GatewayError, type GatewayClient, type PoppedRecords } from '../../../lib/contract/gateway.ts';
import { neverSent } from '../../../lib/gateway/failures.ts';
import { connectRedis, explainRedis, type RedisOptions } from '../../../lib/gateway/redis.ts';

/** Takes records from the gateway's queue. What it answers is ours; nothing is ever asked for twice. */
export interface Popper {
  readonly transport: 'http' | 'resp';
  /** Throws GatewayError. `signal` gives up an answer that is still on its way, and the records in it. */
  pop(count: number, signal?: AbortSignal): Promise<PoppedRecords>;
  close(): void;
}

/**
 * Whether a failed pop may have taken records along: it was sent, and neither records nor a refusal of the gateway came
 * back. 502 and 504 come from a proxy that may have passed it on; 501 from a gateway that does not know the route.
 */
export function tookRecords(error: GatewayError): boolean {
  if (error.status !== null) return error.status >= 500 && error.status !== 501;
  return error.cause !== undefined && !neverSent(error.cause);
}

/** Nothing is lost with a connection that was never used, so an end need not wait for it. Null: `signal` aborted. */
export async function openUnlessAborted(
  opening: Promise<Popper>,
  signal: AbortSignal,
): Promise<Popper | null> {
  const { promise, resolve } = Promise.withResolvers<null>();
  const abort = (): void => resolve(null);
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  try {
    const popper = await Promise.race([opening, promise]);
    if (popper === null)
      void opening.then(
        (late) => late.close(),
        () => {},
      );
    return popper;
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

/** Over HTTP, one request a pop. */
export function httpPopper(client: GatewayClient): Popper {
  return { transport: 'http', pop: (count, signal) => client.popUsage(count, signal), close: () => {} };
}

export interface RespPopperOptions extends RedisOptions {
  /** Longest record that is kept whole, and how much is kept of a longer one, in bytes. */
  readonly limits?: { readonly maxBulk: number; readonly head: number };
}

const LIMITS = { maxBulk: 8 << 20, head: 64 << 10 };

/** Over RESP, on one connection that is logged in. Throws GatewayError when it cannot be had. */
export async function respPopper(options: RespPopperOptions): Promise<Popper> {
  const redis = await connectRedis(options);
  const limits = options.limits ?? LIMITS;
  // A command that is under way when the connection ends is told "Connection is closed." only.
  let reason: unknown = null;
  redis.on('error', (error: unknown) => {
    reason = error;
  });
  return {
    transport: 'resp',
    pop: async (count, signal) => {
      // Without a cause: nothing is sent.
      if (redis.status !== 'ready') throw new GatewayError('connection_lost', 'it closed the connection');
      const close = (): void => redis.disconnect();
      signal?.addEventListener('abort', close, { once: true });
      try {
        const popped = await redis.lpopBuffer('usage', count);
        return kept(popped ?? [], limits);
      } catch (error) {
        redis.disconnect();
        throw explainRedis(replied(error) ? error : (reason ?? error), 'LPOP', options);
      } finally {
        signal?.removeEventListener('abort', close);
      }
    },
    close: () => redis.disconnect(),
  };
}

const replied = (error: unknown): boolean => error instanceof Error && error.name === 'ReplyError';

function kept(popped: readonly Buffer[], limits: { maxBulk: number; head: number }): PoppedRecords {
  const truncated = new Map<number, number>();
  const payloads = popped.map((payload, at) => {
    if (payload.length <= limits.maxBulk) return payload;
    truncated.set(at, payload.length);
    return Buffer.from(payload.subarray(0, limits.head));
  });
  return { payloads, truncated, damage: null };
}
