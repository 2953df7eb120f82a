import { mergeSettings, readSaved } from '../../lib/config/effective.ts';
import { savedRows } from '../../lib/config/settings-rows.ts';
import type { StartConfig } from '../../lib/config/start-config.ts';
import { AppError } from '../../lib/errors.ts';
import { currentKeyHashes } from '../../lib/gateway/client-keys.ts';
import { createGatewayClient } from '../../lib/gateway/client.ts';
import { keySources } from '../../lib/secrets/key-sources.ts';
import { findDataKey } from '../../lib/secrets/prepare-keys.ts';
import { storedBreaker } from '../../lib/setup/try-connection.ts';
import { SettingsStore } from '../../lib/store/settings-store.ts';
import type { CliContext } from '../shared/context.ts';

/**
 * Hashes of the client keys that CLIProxyAPI has now, asked with the saved connection. Call it while this process does not
 * have the database open: opening looks at the file. Throws
 * `usage_service_not_configured`, what is wrong with the data key, and `gateway_unreachable` or `gateway_key_refused`.
 */
export async function readCurrentKeys(
  config: StartConfig,
  { clock }: CliContext,
): Promise<readonly string[]> {
  const store = new SettingsStore(config.dbPath);
  try {
    const found = await findDataKey(keySources(config, store, clock.now()));
    const saved = readSaved(savedRows((key) => store.setting(key)));
    const { connection } = mergeSettings(config, saved, found.kind === 'open' ? found.box : null);
    if (connection === null) {
      throw found.kind === 'locked' ? found.error : new AppError('usage_service_not_configured');
    }
    return await currentKeyHashes(
      createGatewayClient(connection, { breaker: storedBreaker(store, clock), clock }),
    );
  } finally {
    store.close();
  }
}
