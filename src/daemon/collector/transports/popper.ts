import { Redis } from 'ioredis';
import type { Clock } from '../../../lib/contract/clock.ts';
import {
  GatewayError,
  type GatewayClient,
  type GatewayConnection,
  type KeyBreaker,
  type PoppedRecords,
} from '../../../lib/contract/gateway.ts';
import {
  explainError,
  explainRespError,
  neverSent,
  type FailureContext,
} from '../../../lib/gateway/failures.ts';
import { login } from '../../../lib/gateway/login.ts';
import { explainSilentClose, respAddress } from '../../../lib/gateway/resp-socket.ts';

/** Takes records from the gateway's queue. What it answers is ours; nothing is ever asked for twice. */
export interface Popper {
  readonly transport: 'http' | 'resp';
  /** Throws GatewayError. `signal` gives up an answer that is still on its way, and the records in it. */
  pop(count: number, signal?: AbortSignal): Promise<PoppedRecords>;
  close(): void;
}

/** Whether a failed pop may have taken records along: it was sent, and neither records nor a refusal came back. */
export function tookRecords(error: GatewayError): boolean {
  return error.cause !== undefined && !neverSent(error.cause);
}

/** Over HTTP, one request a pop. */
export function httpPopper(client: GatewayClient): Popper {
  return { transport: 'http', pop: (count, signal) => client.popUsage(count, signal), close: () => {} };
}

export interface RespPopperOptions extends FailureContext {
  readonly connection: GatewayConnection;
  readonly breaker: KeyBreaker;
  readonly clock: Clock;
  /** Longest record that is kept whole, and how much is kept of a longer one, in bytes. */
  readonly limits?: { readonly maxBulk: number; readonly head: number };
}

const LIMITS = { maxBulk: 8 << 20, head: 64 << 10 };

/** Over RESP, on one connection that is logged in. Throws GatewayError when it cannot be had. */
export async function respPopper(options: RespPopperOptions): Promise<Popper> {
  const { connection, breaker } = options;
  const redis = await login(breaker, connection, () => connect(options));
  const limits = options.limits ?? LIMITS;
  return {
    transport: 'resp',
    pop: async (count, signal) => {
      const close = (): void => redis.disconnect();
      signal?.addEventListener('abort', close, { once: true });
      try {
        const popped = await redis.lpopBuffer('usage', count);
        return kept(popped ?? [], limits);
      } catch (error) {
        redis.disconnect();
        throw explained(error, 'LPOP', options);
      } finally {
        signal?.removeEventListener('abort', close);
      }
    },
    close: () => redis.disconnect(),
  };
}

/**
 * CLIProxyAPI knows AUTH, SUBSCRIBE, LPOP and RPOP, and counts everything before AUTH as a wrong key. With exactly
 * these options ioredis 6 sends AUTH and our own commands and nothing else: no HELLO, INFO, CLIENT or SELECT, no
 * second try of a wrong key, and no repetition of a pop.
 */
async function connect(options: RespPopperOptions): Promise<Redis> {
  const { connection } = options;
  const { host, port, secure, servername } = respAddress(connection);
  const redis = new Redis({
    host,
    port,
    password: connection.managementKey,
    protocol: 2,
    enableReadyCheck: false,
    disableClientInfo: true,
    lazyConnect: true,
    db: 0,
    connectTimeout: 5_000,
    commandTimeout: 10_000,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    enableOfflineQueue: false,
    ...(secure
      ? {
          tls: {
            rejectUnauthorized: !connection.tlsSkipVerify,
            ...(servername === undefined ? {} : { servername }),
          },
        }
      : {}),
  });
  // connect() rejects with "Connection is closed." only; the reason comes as an event before that.
  let reason: unknown = null;
  redis.on('error', (error: unknown) => {
    reason = error;
  });
  try {
    await redis.connect();
    return redis;
  } catch (error) {
    redis.disconnect();
    throw explained(reason ?? error, 'AUTH', options);
  }
}

function kept(popped: readonly Buffer[], limits: { maxBulk: number; head: number }): PoppedRecords {
  const truncated = new Map<number, number>();
  const payloads = popped.map((payload, at) => {
    if (payload.length <= limits.maxBulk) return payload;
    truncated.set(at, payload.length);
    return Buffer.from(payload.subarray(0, limits.head));
  });
  return { payloads, truncated, damage: null };
}

/** In our words. The error itself is left behind: ioredis puts the command into it, and so the key. */
function explained(error: unknown, command: string, context: FailureContext): GatewayError {
  if (error instanceof GatewayError) return error;
  if (error instanceof Error && error.name === 'ReplyError') {
    const { diagnosis, detail } = explainRespError(error.message);
    return new GatewayError(diagnosis, detail);
  }
  const text = error instanceof Error ? error.message : '';
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  const cause = Object.assign(new Error(text), code === undefined ? {} : { code });
  if (command === 'AUTH' && text === 'Connection is closed.') {
    const { diagnosis, detail } = explainSilentClose(command, context);
    return new GatewayError(diagnosis, detail, { cause });
  }
  const { diagnosis, detail } = explainError(error, context);
  return new GatewayError(diagnosis, `${detail} at ${command}`, { cause });
}
