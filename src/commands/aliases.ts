import type { Command } from 'commander';
import type { CliContext } from './shared/context.ts';

export function configure(command: Command, context: CliContext): void {
  command.addHelpText(
    'after',
    `
A client key is known by the SHA-256 of its text; keys themselves are never kept. Give a hash (or the beginning of the
hash of a key seen in traffic), or - to hand over the key itself on standard input, so that it is in no history.

Examples:
  $ cpamp aliases list
  $ cpamp aliases set 9efb795e1f0c "Team Alpha"
  $ cpamp aliases set - "Team Beta" < key.txt
  $ cpamp aliases unset "Team Beta"`,
  );
  command
    .command('list')
    .description('Show the names of client keys.')
    .option('--all', 'keys seen in traffic that have no name as well')
    .action(async (options: { all?: true }) => {
      const { list } = await import('./aliases/list.ts');
      await list(options, context);
    });
  command
    .command('set <key> <alias>')
    .description('Name a key; two keys cannot have one name.')
    .option('--take-over', 'take the name from a key that CLIProxyAPI no longer has')
    .action(async (key: string, alias: string, options: { takeOver?: true }) => {
      const { set } = await import('./aliases/set.ts');
      await set(key, alias, options, context);
    });
  command
    .command('unset <key-or-alias>')
    .description('Take the name of a key away; its history stays.')
    .action(async (key: string) => {
      const { unset } = await import('./aliases/set.ts');
      await unset(key, context);
    });
}
