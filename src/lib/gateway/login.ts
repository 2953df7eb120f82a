import type { Clock } from '../contract/clock.ts';
import { GatewayError, type GatewayConnection, type KeyBreaker } from '../contract/gateway.ts';
import { connectionHash } from './breaker.ts';
import { KeyGate, type KeyUse } from './gate.ts';

/** Within this time after a request was sent a refusal is here: several times what CLIProxyAPI's bcrypt takes. */
export const JUDGED_MS = 300;

const gates = new WeakMap<KeyBreaker, KeyGate>();

function gateOf(breaker: KeyBreaker): KeyGate {
  const gate = gates.get(breaker) ?? new KeyGate();
  gates.set(breaker, gate);
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
  const { gate, hash } = admission(breaker, connection);
  const use = await enter(
    () => {
      breaker.check(connection);
      return gate.begin(hash);
    },
    () => gate.changed,
    signal,
  );
  try {
    const answered = async () => ({ value: await attempt(), isAccepted: true });
    return await guarded(breaker, connection, gate, use, answered);
  } finally {
    gate.end(use);
  }
}

/** What a lent key was used for. */
export interface LentCall<T> {
  /**
   * Sends the call and calls `sent` at the moment it leaves. Resolves with the answer, and whether it is one that only
   * the right key gets; throws a GatewayError for a refusal of the key.
   */
  readonly attempt: (sent: () => void) => Promise<{ readonly value: T; readonly isAccepted: boolean }>;
  /** A call of our own that proves the key by {@link login}; throws a GatewayError when it does not. */
  readonly prove: () => Promise<void>;
  readonly signal: AbortSignal;
}

/**
 * Runs a call of somebody else with the management key. It may take any time and be given up at any moment, so it does
 * not keep logins of ours waiting, and how many may be under way is what {@link KeyGate} says.
 */
export async function lendKey<T>(
  breaker: KeyBreaker,
  connection: GatewayConnection,
  clock: Clock,
  call: LentCall<T>,
): Promise<T> {
  const { gate, hash } = admission(breaker, connection);
  const use = await enter(
    () => {
      breaker.check(connection);
      return gate.lend(hash);
    },
    () => (gate.needsProof(hash) ? call.prove() : gate.changed),
    call.signal,
  );
  const over = new AbortController();
  let isSent = false;
  const sent = (): void => {
    isSent = true;
    void letGoLater(gate, use, clock, over.signal);
  };
  try {
    const value = await guarded(breaker, connection, gate, use, () => call.attempt(sent));
    gate.end(use);
    return value;
  } catch (error) {
    // Without an answer, because whoever asked went away or the connection broke, nobody knows: it may have been refused.
    if (isSent && !isRefusal(error)) gate.letGo(use);
    else gate.end(use);
    throw error;
  } finally {
    over.abort();
  }
}

async function letGoLater(gate: KeyGate, use: KeyUse, clock: Clock, over: AbortSignal): Promise<void> {
  await clock.sleep(JUDGED_MS, over);
  if (!over.aborted) gate.letGo(use);
}

function admission(breaker: KeyBreaker, connection: GatewayConnection): { gate: KeyGate; hash: string } {
  if (connection.managementKey === '') {
    // An empty key counts as a wrong one.
    throw new GatewayError('not_configured', 'no management key is saved');
  }
  return { gate: gateOf(breaker), hash: connectionHash(connection) };
}

/**
 * Resolves when `admit` does. It is asked anew whenever `wait` is over; what either throws is thrown, and a
 * GatewayError once `signal` aborts.
 */
async function enter(
  admit: () => KeyUse | null,
  wait: () => Promise<void>,
  signal: AbortSignal | undefined,
): Promise<KeyUse> {
  for (;;) {
    if (signal?.aborted) throw ended(signal);
    const use = admit();
    if (use) return use;
    await endOrAbort(wait(), signal);
  }
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

function isRefusal(error: unknown): error is GatewayError & { diagnosis: 'key_refused' | 'banned' } {
  return error instanceof GatewayError && (error.diagnosis === 'key_refused' || error.diagnosis === 'banned');
}

async function guarded<T>(
  breaker: KeyBreaker,
  connection: GatewayConnection,
  gate: KeyGate,
  use: KeyUse,
  attempt: () => Promise<{ readonly value: T; readonly isAccepted: boolean }>,
): Promise<T> {
  const refusalsBefore = gate.refusals;
  try {
    const { value, isAccepted } = await attempt();
    // What was accepted before another login was refused proves nothing about now.
    if (!isAccepted || gate.refusals !== refusalsBefore) return value;
    gate.accepted(use);
    // The breaker keeps in mind what it could not store, and stores it with the next use of a key.
    await breaker.accepted(connection).catch(() => {});
    return value;
  } catch (error) {
    if (isRefusal(error)) {
      const others = gate.refused(use);
      // The refusal holds in memory even where it cannot be saved, and is what the caller has to know.
      await breaker.refused(connection, error.diagnosis, error.message, others).catch(() => {});
    }
    throw error;
  }
}
