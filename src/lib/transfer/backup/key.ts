import { join } from 'node:path';
import type { StartConfig } from '../../config/start-config.ts';
import type { SecretBox } from '../../contract/secrets.ts';
import type { AppError } from '../../errors.ts';
import { keySources } from '../../secrets/key-sources.ts';
import { findDataKey } from '../../secrets/prepare-keys.ts';
import type { Proof } from '../../store/snapshot-protocol.ts';
import { DATABASE } from './names.ts';

/** Whether a data key opens what a copied database and the spool beside it hold. */
export type KeyFound =
  | { readonly kind: 'open'; readonly box: SecretBox }
  | { readonly kind: 'locked'; readonly error: AppError; readonly from: string }
  /** There is no key, and nothing that wants one. */
  | { readonly kind: 'absent' };

/**
 * Tries the key of `config`, from its file or its environment, on the copy in `folder`. Rejects with
 * `secret_file_unreadable`.
 */
export async function findKey(
  config: Pick<StartConfig, 'dataKeyPath' | 'dataKeySecret' | 'adminKey'>,
  proof: Proof,
  folder: string,
): Promise<KeyFound> {
  const setting = (key: string): string | null => proof.settings[key] ?? null;
  const { adminKey, dataKeyPath, dataKeySecret } = config;
  const found = await findDataKey(
    keySources(
      { adminKey, dataKeyPath, dataKeySecret, dbPath: join(folder, DATABASE) },
      { setting, deadLetterCount: () => proof.deadLetters },
      0,
    ),
  );
  if (found.kind === 'open') return { kind: 'open', box: found.box };
  if (found.kind === 'absent') return { kind: 'absent' };
  return {
    kind: 'locked',
    error: found.error,
    from: dataKeySecret?.from ?? dataKeyPath,
  };
}
