import { InvalidArgumentError, type Command } from 'commander';
import type { Clock } from '../../lib/contract/clock.ts';
import { EVERY_EVENT, type EventFilter } from '../../lib/store/queries/event-filter.ts';
import type { Db } from '../../lib/store/sqlite.ts';
import { parseTimeRange, type TimeRange } from '../../lib/time-range.ts';
import { hashOfNamedKey } from './client-key.ts';

/** What commander makes of the options of {@link addEventFilter}. */
export interface EventFilterOptions {
  readonly since?: string;
  readonly until?: string;
  readonly tz?: string;
  readonly model?: readonly string[];
  readonly provider?: readonly string[];
  readonly credential?: readonly string[];
  readonly key?: readonly string[];
  readonly failed?: true;
}

const HINT = 'Give the name of the key, or the SHA-256 of it or its beginning: cpamp aliases list --all';

/**
 * Options that may be given again: any of their values. One that is blank, such as that of a variable that was not set,
 * would choose whatever has a blank somewhere.
 */
function another(value: string, before: readonly string[] | undefined): readonly string[] {
  const name = value.trim();
  if (name === '') throw new InvalidArgumentError('It is empty');
  return [...(before ?? []), name];
}

/** Options by which commands choose events, the same for all of them. */
export function addEventFilter(command: Command): Command {
  return command
    .option('--since <time>', 'from this time on: 7d, yesterday, 2026-11-01, or 2026-11-01..2026-11-15')
    .option('--until <time>', 'up to this time; a day is meant with all of it')
    .option('--tz <zone>', 'zone in which days begin, such as Europe/Berlin (default: that of this machine)')
    .option('--model <name>', 'of this model; may be repeated, as all of these', another)
    .option('--provider <name>', 'of this provider', another)
    .option('--credential <name>', 'of this account, label, auth file, source or auth index', another)
    .option(
      '--key <name>',
      'of the client key with this name, or with this hash or beginning of one',
      another,
    )
    .option('--failed', 'failed requests only');
}

/** The times alone: what is wrong with them can be said before the database is opened. Throws as `parseTimeRange`. */
export function timesOf({ since, until, tz }: EventFilterOptions, clock: Clock): TimeRange {
  const timeZone = tz ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
  return parseTimeRange({ since, until }, { timeZone, nowMs: clock.now() });
}

/**
 * The filter that the options ask for. Throws `invalid_time`, `invalid_time_zone`, and `wrong_usage` or `no_such_thing` for
 * a client key that cannot be told.
 */
export function eventFilterOf(options: EventFilterOptions, db: Db, clock: Clock): EventFilter {
  const { fromMs, untilMs } = timesOf(options, clock);
  return {
    ...EVERY_EVENT,
    fromMs,
    toMs: untilMs,
    models: options.model ?? [],
    providers: options.provider ?? [],
    credentials: options.credential ?? [],
    apiKeyHashes: (options.key ?? []).map((key) => hashOfNamedKey(db, key, HINT)),
    failed: options.failed ? true : null,
  };
}
