import type { Clock } from '../lib/contract/clock.ts';
import type { GatewayClient, GatewayConnection, GatewayInfo, KeyBreaker } from '../lib/contract/gateway.ts';
import { AppError } from '../lib/errors.ts';
import { currentKeyHashes } from '../lib/gateway/client-keys.ts';
import { createGatewayClient } from '../lib/gateway/client.ts';

/** How long the gateway may take to say what it is to somebody who asked for something else. */
const INFO_MS = 5_000;

export interface GatewayCallsOptions {
  readonly breaker: KeyBreaker;
  readonly clock: Clock;
  /** The connection that counts now. */
  readonly connection: () => GatewayConnection | null;
}

/** Single questions to the gateway, for somebody who waits for an answer of ours. */
export class GatewayCalls {
  readonly #options: GatewayCallsOptions;

  constructor(options: GatewayCallsOptions) {
    this.#options = options;
  }

  /** What it says of itself; null when it does not answer: whoever asks gets the rest without this part. */
  async info(): Promise<GatewayInfo | null> {
    const client = this.#client();
    try {
      return (await client?.info(AbortSignal.timeout(INFO_MS))) ?? null;
    } catch {
      return null;
    } finally {
      await client?.close();
    }
  }

  /** Hashes of the keys that clients call it with. Throws AppError. */
  async clientKeys(): Promise<readonly string[]> {
    const client = this.#client();
    if (client === null) throw new AppError('usage_service_not_configured');
    return currentKeyHashes(client);
  }

  #client(): GatewayClient | null {
    const { breaker, clock, connection } = this.#options;
    const current = connection();
    return current && createGatewayClient(current, { breaker, clock });
  }
}
