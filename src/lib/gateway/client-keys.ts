import { createHash } from 'node:crypto';
import { GatewayError, type GatewayClient } from '../contract/gateway.ts';
import { AppError } from '../errors.ts';

/** The hash by which a client key is known; the same that events carry. */
export function clientKeyHash(key: string): string {
  return createHash('sha256').update(key.trim()).digest('hex');
}

/** Hashes of the client keys that a gateway has now. Closes the client. Throws `gateway_unreachable`, `gateway_key_refused`. */
export async function currentKeyHashes(client: GatewayClient): Promise<readonly string[]> {
  try {
    return (await client.clientKeys()).map(clientKeyHash);
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    const refused = error.diagnosis === 'key_refused' || error.diagnosis === 'banned';
    throw new AppError(refused ? 'gateway_key_refused' : 'gateway_unreachable', {
      detail: error.message,
      cause: error,
    });
  } finally {
    await client.close();
  }
}
