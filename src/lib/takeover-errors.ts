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
  takeover_stuck: entry(
    500,
    Exit.integrity,
    'a move of database files was cut short, and cannot be finished',
    'Nothing was deleted. See docs/errors.md, takeover_stuck.',
  ),
} as const satisfies Record<string, ErrorEntry>;
