import { InvalidArgumentError, Option, type Command } from 'commander';
import { KINDS } from './prices/kinds.ts';
import type { CliContext } from './shared/context.ts';

/** USD per million tokens. */
function usd(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0 && value <= 1e9)) {
    throw new InvalidArgumentError('It is a price in USD per million tokens, such as 2.5.');
  }
  return value;
}

function number(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new InvalidArgumentError('It is a whole number.');
  return value;
}

const collect = (value: string, before: readonly string[] = []): string[] => [...before, value];

/** Each of these loads its own file: a list needs nothing of what a sync does. */
export function configure(command: Command, context: CliContext): void {
  command.addHelpText(
    'after',
    `
All prices are in USD per million tokens. A manual price counts before a synced one, and both before the price that
came with the program. A change never rewrites what events cost already, but for events that had no price at all;
recalc does.

Examples:
  $ cpamp prices list
  $ cpamp prices sync
  $ cpamp prices set my-model --input 2.5 --output 10
  $ cpamp prices recalc --since 7d --dry-run`,
  );

  command
    .command('list')
    .description('Show the prices that count, and models seen in traffic that have none.')
    .addOption(new Option('--source <source>', 'only these').choices(KINDS))
    .option('--search <text>', 'only names that contain it')
    .action(async (options: { source?: string; search?: string }) => {
      const { list } = await import('./prices/list.ts');
      await list(options, context);
    });
  command
    .command('show <model>')
    .description('Show all that is known of the price of a model.')
    .action(async (model: string) => {
      const { show } = await import('./prices/list.ts');
      await show(model, context);
    });
  command
    .command('set <model>')
    .description('Save a manual price; what is not given stays as it is.')
    .option('--input <usd>', 'input tokens', usd)
    .option('--output <usd>', 'output tokens', usd)
    .option('--cache-read <usd>', 'cached input tokens', usd)
    .option('--cache-write <usd>', 'tokens written to the cache for 5 minutes', usd)
    .option('--cache-write-1h <usd>', 'tokens written to the cache for an hour', usd)
    .option('--image-output <usd>', 'output that is pictures', usd)
    .option('--object <file>', 'a price as the API has it, with tiers, as JSON; - is standard input')
    .action(async (model: string, options: Record<string, number | string | undefined>) => {
      const { set } = await import('./prices/set.ts');
      await set(model, options, context);
    });
  command
    .command('unset <model...>')
    .description('Remove the manual price of a model, or the synced one where there is no other.')
    .option('--all', 'both')
    .action(async (models: string[], options: { all?: true }) => {
      const { unset } = await import('./prices/set.ts');
      await unset(models, options, context);
    });
  command
    .command('sync [model...]')
    .description('Fetch prices from models.dev, LiteLLM and OpenRouter.')
    .option('--everything', 'take over every name of the lists that is clear, not only models in use')
    .option('--from-file <file>', 'read a list that was fetched elsewhere; may be repeated', collect)
    .option('--dry-run', 'save nothing')
    .action(async (models: string[], options: { everything?: true; fromFile?: string[]; dryRun?: true }) => {
      const { sync } = await import('./prices/sync.ts');
      await sync(models, options, context);
    });
  command
    .command('match [model]')
    .description('Choose the price of a name that several entries of the lists may mean.')
    .option('--use <id>', 'the entry to use, such as openrouter:openai/gpt-5')
    .option('--from-file <file>', 'look in this list instead of those that were fetched last', collect)
    .action(async (model: string | undefined, options: { use?: string; fromFile?: string[] }) => {
      const { match } = await import('./prices/match.ts');
      await match(model, options, context);
    });
  command
    .command('recalc')
    .description('Price stored events again by the prices of now.')
    .option('--model <model>', 'only events of this model; may be repeated', collect)
    .option('--since <time>', 'only events from then on, such as 7d or 2026-11-01')
    .option('--until <time>', 'only events before then')
    .option('--tz <zone>', 'zone in which days begin, such as Europe/Berlin')
    .option('--unpriced', 'only events without a price')
    .option('--dry-run', 'show what would change, and change nothing')
    .option('-y, --yes', 'do it without asking')
    .option('--undo [id]', 'give the events back what they had, for 30 days', number)
    .option('--history', 'show earlier recalculations')
    .action(async (options: import('./prices/recalc.ts').RecalcOptions) => {
      const { recalc } = await import('./prices/recalc.ts');
      await recalc(options, context);
    });
}
