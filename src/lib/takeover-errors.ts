import { entry, Exit, type ErrorEntry } from './error-entry.ts';

/** The errors of taking over the database of an older program, and of going back to it. */
export const TAKEOVER_ERRORS = {
  old_program_running: entry(
    503,
    Exit.locked,
    'another program has this database open',
    'Stop it (docker compose stop, or systemctl stop) and leave it stopped: nothing was touched.',
  ),
  space_needed: entry(
    507,
    Exit.failure,
    'there is too little room on the disk',
    'Free space on the volume of the data directory. Nothing was touched.',
  ),
  taking_over: entry(
    503,
    Exit.unavailable,
    'the database of an older program is being taken over',
    'This goes on by itself. How it stands: GET /health, the log, or cpamp status.',
  ),
  rolled_back: entry(
    409,
    Exit.failure,
    'the old database is back in its place, because a rollback that was cut short has just been finished',
    'Start the old program now; or start cpamp once more to take its database over again.',
  ),
  takeover_stuck: entry(
    500,
    Exit.integrity,
    'a move of database files was cut short, and cannot be finished',
    'Nothing was deleted. See docs/errors.md, takeover_stuck.',
  ),
  takeover_unfinished: entry(
    409,
    Exit.locked,
    'the old volume is not wholly taken over yet',
    'Let cpamp serve or cpamp migrate-from-cpa-manager come to its end first.',
  ),
} as const satisfies Record<string, ErrorEntry>;
