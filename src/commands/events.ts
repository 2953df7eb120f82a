import { InvalidArgumentError, type Command } from 'commander';
import type { CliContext } from './shared/context.ts';
import { addEventFilter, type EventFilterOptions } from './shared/event-filter.ts';

export interface EventsOptions extends EventFilterOptions {
  readonly limit?: number;
  readonly follow?: true;
}

/** Beyond it nobody reads them; all of them are what an export is for. */
const MOST_ROWS = 10_000;

function rows(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text.trim()) || value > MOST_ROWS) {
    throw new InvalidArgumentError(`It is a number up to ${MOST_ROWS}; for more there is: cpamp export`);
  }
  return value;
}

export function configure(command: Command, context: CliContext): void {
  addEventFilter(command)
    .option('-n, --limit <count>', 'how many of the newest (default: 20, with --follow 10)', rows)
    .option('-f, --follow', 'go on with new events as they are stored, until it is stopped')
    .addHelpText(
      'after',
      `
The newest event is the last line. On a terminal the table fits its width: a narrow one shows less of each event, and
--json everything, one event a line. Tokens of IN contain those of CACHED. An event is unpriced while no source has a
price of its model.

Examples:
  $ cpamp events
  $ cpamp events --follow --failed
  $ cpamp events --since yesterday --key "Team Alpha" --limit 100
  $ cpamp events --json --limit 1000 | jq 'select(.latency_ms > 30000) | .model'`,
    )
    .action(async (options: EventsOptions) => {
      const { showEvents } = await import('./events/show.ts');
      await showEvents(options, context);
    });
}
