import type { Command } from 'commander';
import {
  refuseConfiguredAdminKey,
  refuseWeakAdminKey,
  replaceAdminKey,
} from '../lib/secrets/replace-admin-key.ts';
import { SettingsStore } from '../lib/store/settings-store.ts';
import type { CliContext } from './shared/context.ts';
import { locateDatabase } from './shared/locate.ts';
import { insist } from './shared/prompt.ts';
import { readSecret } from './shared/secret-input.ts';

interface ResetOptions {
  readonly keyFile?: string;
  readonly yes?: true;
}

export function configure(command: Command, context: CliContext): void {
  command
    .option('--key-file <file>', 'take the new key from a file, or from standard input with -')
    .option('-y, --yes', 'do it without being asked')
    .addHelpText(
      'after',
      `
Without --key-file a key is generated, and printed on standard output, once. A running daemon goes on with the new
key at once; sessions of browsers end.

Examples:
  $ cpamp reset-admin-key
  $ cpamp reset-admin-key --yes > admin-key
  $ pass show cpamp | cpamp reset-admin-key --yes --key-file -
  $ docker compose exec cpamp cpamp reset-admin-key

Exit codes: 0 done, 1 not confirmed, 2 the key is weak, or comes from the environment, 3 there is no database.`,
    )
    .action((options: ResetOptions) => resetAdminKey(options, context));
}

async function resetAdminKey(options: ResetOptions, context: CliContext): Promise<void> {
  const { clock, output } = context;
  const config = locateDatabase(context);
  refuseConfiguredAdminKey(config);
  const given = await givenKey(options, context);
  if (given !== null) refuseWeakAdminKey(given);
  await insist(
    context,
    'Replace the admin key? The old one stops working, and all sessions end.',
    options.yes === true,
  );
  const store = new SettingsStore(config.dbPath);
  try {
    const { generated, formerFromEnvironment } = replaceAdminKey(store, given, clock.now());
    await output.result({ adminKey: generated, dbPath: config.dbPath }, () => generated ?? '');
    output.note('The admin key is replaced, and sessions of the old one have ended.');
    output.note('Log in with it at /management.html; tools send it as "Authorization: Bearer <key>".');
    if (generated !== null) output.note('It is shown only this once, and kept nowhere: note it down.');
    if (formerFromEnvironment) {
      output.warn(
        'The key before came from the environment of the daemon (CPA_MANAGER_ADMIN_KEY). ' +
          'If it is still set there, it comes back with the next start.',
      );
    }
  } finally {
    store.close();
  }
}

async function givenKey({ keyFile }: ResetOptions, context: CliContext): Promise<string | null> {
  if (keyFile === undefined) return null;
  return readSecret(context, { flag: '--key-file', file: keyFile, question: '' });
}
