import { GatewayError, type GatewayConnection, type KeyBreaker } from '../contract/gateway.ts';
import { connectionHash } from './breaker.ts';

interface Gate {
  /** URL and key (hashed) that the gateway accepted in this process. */
  proved: string | null;
  /** The one login that is under way with a key nobody has proved yet. */
  pending: Promise<void> | null;
}

const gates = new WeakMap<KeyBreaker, Gate>();

/**
 * Runs `attempt`, which uses the management key, under the breaker's guard: not at all while a refusal is remembered,
 * and alone until the key is proved, because several parts start at the same moment and five wrong keys are a ban.
 * `attempt` resolves when the gateway accepted the key and throws a GatewayError otherwise; a refusal is remembered
 * before it is passed on.
 */
export async function login<T>(
  breaker: KeyBreaker,
  connection: GatewayConnection,
  attempt: () => Promise<T>,
): Promise<T> {
  if (connection.managementKey === '') {
    // An empty key counts as a wrong one.
    throw new GatewayError('not_configured', 'no management key is saved');
  }
  const gate = gates.get(breaker) ?? { proved: null, pending: null };
  gates.set(breaker, gate);
  const hash = connectionHash(connection);
  while (gate.proved !== hash && gate.pending) await gate.pending;
  breaker.check(connection);
  if (gate.proved === hash) return guarded(breaker, connection, gate, attempt);

  const { promise, resolve } = Promise.withResolvers<void>();
  gate.pending = promise;
  try {
    const result = await guarded(breaker, connection, gate, attempt);
    gate.proved = hash;
    return result;
  } finally {
    gate.pending = null;
    resolve();
  }
}

async function guarded<T>(
  breaker: KeyBreaker,
  connection: GatewayConnection,
  gate: Gate,
  attempt: () => Promise<T>,
): Promise<T> {
  let result: T;
  try {
    result = await attempt();
  } catch (error) {
    if (
      error instanceof GatewayError &&
      (error.diagnosis === 'key_refused' || error.diagnosis === 'banned')
    ) {
      gate.proved = null;
      // The refusal holds in memory even where it cannot be saved, and is what the caller has to know.
      await breaker.refused(connection, error.diagnosis, error.message).catch(() => {});
    }
    throw error;
  }
  // A row that cannot be deleted now is deleted by the next call that works.
  await breaker.accepted(connection).catch(() => {});
  return result;
}
