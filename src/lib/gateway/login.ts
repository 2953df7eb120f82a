import { GatewayError, type GatewayConnection, type KeyBreaker } from '../contract/gateway.ts';
import { connectionHash } from './breaker.ts';

/**
 * Logins at the same time with a key that was proved. The gateway's key may have been changed since, and then every one
 * of them counts as a wrong key; five are a ban.
 */
const MOST_AT_ONCE = 2;

interface Gate {
  /** URL and key (hashed) that the gateway accepted in this process. */
  proved: string | null;
  /** The one login that is under way with a key nobody has proved yet. */
  isProving: boolean;
  /** How many logins are under way, by URL and key (hashed). */
  readonly running: Map<string, number>;
  /** Refusals so far. */
  refusals: number;
  /** Resolves when any login ends. */
  ended: PromiseWithResolvers<void>;
}

const gates = new WeakMap<KeyBreaker, Gate>();

function gateOf(breaker: KeyBreaker): Gate {
  let gate = gates.get(breaker);
  if (!gate) {
    gate = {
      proved: null,
      isProving: false,
      running: new Map(),
      refusals: 0,
      ended: Promise.withResolvers<void>(),
    };
    gates.set(breaker, gate);
  }
  return gate;
}

/**
 * Runs `attempt`, which uses the management key, under the breaker's guard: not at all while a refusal is remembered,
 * alone until the key is proved, because several parts start at the same moment, and beside one other at most after
 * that. Whoever waits when a key is refused is answered from memory. `attempt` resolves when the gateway accepted the
 * key and throws a GatewayError otherwise; a refusal is remembered before it is passed on. Once `signal` aborts,
 * nothing is begun any more.
 */
export async function login<T>(
  breaker: KeyBreaker,
  connection: GatewayConnection,
  attempt: () => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  if (connection.managementKey === '') {
    // An empty key counts as a wrong one.
    throw new GatewayError('not_configured', 'no management key is saved');
  }
  const gate = gateOf(breaker);
  const hash = connectionHash(connection);
  const leave = await enter(gate, hash, () => breaker.check(connection), signal);
  try {
    return await guarded(breaker, connection, gate, hash, attempt);
  } finally {
    leave();
  }
}

/**
 * Resolves when it is this login's turn, with the function that ends it. Throws what `check` throws, which is asked anew
 * each time another login has ended, and a GatewayError once `signal` aborts.
 */
async function enter(
  gate: Gate,
  hash: string,
  check: () => void,
  signal: AbortSignal | undefined,
): Promise<() => void> {
  for (;;) {
    if (signal?.aborted) throw ended(signal);
    check();
    const isProved = gate.proved === hash;
    const running = gate.running.get(hash) ?? 0;
    if (isProved ? running < MOST_AT_ONCE : running === 0 && !gate.isProving) {
      if (!isProved) gate.isProving = true;
      gate.running.set(hash, running + 1);
      return () => leave(gate, hash, !isProved);
    }
    await endOrAbort(gate.ended.promise, signal);
  }
}

function leave(gate: Gate, hash: string, wasProving: boolean): void {
  if (wasProving) gate.isProving = false;
  const left = (gate.running.get(hash) ?? 1) - 1;
  if (left === 0) gate.running.delete(hash);
  else gate.running.set(hash, left);
  gate.ended.resolve();
  gate.ended = Promise.withResolvers<void>();
}

async function endOrAbort(end: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (!signal) return end;
  const { promise, resolve } = Promise.withResolvers<void>();
  const abort = (): void => resolve();
  signal.addEventListener('abort', abort, { once: true });
  try {
    await Promise.race([end, promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

/** Without a cause: nothing was sent. */
function ended(signal: AbortSignal): GatewayError {
  const reason: unknown = signal.reason;
  return reason instanceof GatewayError ? reason : new GatewayError('connection_lost', 'we ended it');
}

async function guarded<T>(
  breaker: KeyBreaker,
  connection: GatewayConnection,
  gate: Gate,
  hash: string,
  attempt: () => Promise<T>,
): Promise<T> {
  const refusalsBefore = gate.refusals;
  let result: T;
  try {
    result = await attempt();
  } catch (error) {
    if (
      error instanceof GatewayError &&
      (error.diagnosis === 'key_refused' || error.diagnosis === 'banned')
    ) {
      gate.proved = null;
      gate.refusals += 1;
      // The refusal holds in memory even where it cannot be saved, and is what the caller has to know.
      await breaker.refused(connection, error.diagnosis, error.message).catch(() => {});
    }
    throw error;
  }
  // What was accepted before another login was refused proves nothing about now.
  if (gate.refusals !== refusalsBefore) return result;
  gate.proved = hash;
  // The breaker keeps in mind what it could not store, and stores it with the next use of a key.
  await breaker.accepted(connection).catch(() => {});
  return result;
}
