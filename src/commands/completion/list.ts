import { NAME_KINDS, readNames, type NameKind } from '../../lib/store/completion-names.ts';
import { openDatabase } from '../../lib/store/open.ts';
import type { CliContext } from '../shared/context.ts';
import { locateDatabase } from '../shared/locate.ts';
import { inert } from '../shared/inert.ts';

/** More than anybody looks through. */
const MOST_NAMES = 500;

/**
 * Prints the names of a kind that begin with `prefix`, one a line. Somebody is typing: whatever goes wrong, nothing is
 * printed, and it never waits for a lock.
 */
export async function listNames(kind: string, prefix: string, context: CliContext): Promise<void> {
  const names = kind === 'zones' ? Intl.supportedValuesOf('timeZone') : fromDatabase(kind, context, prefix);
  const lines = names
    // A line is a name: what holds line ends or control codes is none that can be typed.
    .filter((name) => name.startsWith(prefix) && inert(name) === name)
    .slice(0, MOST_NAMES)
    .map((name) => `${name}\n`);
  if (lines.length > 0) await context.output.write(lines.join(''));
}

function fromDatabase(kind: string, context: CliContext, prefix: string): readonly string[] {
  if (!isNameKind(kind)) return [];
  try {
    const db = openDatabase(locateDatabase(context).dbPath, { mode: 'read' });
    try {
      return readNames(db, kind, prefix);
    } finally {
      db.close();
    }
  } catch {
    return [];
  }
}

function isNameKind(kind: string): kind is NameKind {
  return NAME_KINDS.some((each) => each === kind);
}
