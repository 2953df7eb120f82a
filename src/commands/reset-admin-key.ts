import { Option, type Command } from 'commander';
import { AppError } from '../lib/errors.ts';
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
  readonly adminKeyFile?: string;
  readonly adminKey?: string;
  readonly yes?: true;
}

export function configure(command: Command, context: CliContext): void {
  command
    .option('--key-file <file>', 'take the new key from a file, or from standard input with -')
    // As CPA-Manager-Plus called them; a key on a command line is in every list of processes.
    .addOption(new Option('--admin-key-file <file>').hideHelp())
    .addOption(new Option('--admin-key <key>').hideHelp())
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

async function givenKey(
  { adminKey, adminKeyFile, keyFile = adminKeyFile }: ResetOptions,
  context: CliContext,
): Promise<string | null> {
  if (adminKey !== undefined) {
    throw new AppError('wrong_usage', {
      detail: 'a key on the command line is seen by everybody on this machine, and stays in the history',
      hint: 'Choose another one now, and give it with --key-file FILE, or with --key-file - on standard input.',
    });
  }
  if (keyFile === undefined) return null;
  return readSecret(context, { flag: '--key-file', file: keyFile, question: '' });
}
