import type {
  TakeoverDay,
  TakeoverDifference,
  TakeoverReason,
  TakeoverReport,
  TakeoverSums,
} from '../contract/api/takeover.ts';
import type { ReportedTokens } from '../contract/event.ts';
import { addLost, type LostRows, type OldEvents, type OldRow } from '../store/old/events.ts';
import type { EventMatcher } from '../store/takeover-match.ts';
import { integer, text } from '../usage/readers.ts';
import { redactName } from '../usage/redact.ts';
import { MAX_COUNT } from '../usage/tokens.ts';
import { IDENTITY_COLUMNS, oldEvent, oldIdentity } from './map-event.ts';

/** Counters by their name here and their column there. */
const COUNTERS = {
  input: 'input_tokens',
  output: 'output_tokens',
  reasoning: 'reasoning_tokens',
  cached: 'cached_tokens',
  cache: 'cache_tokens',
  cacheRead: 'cache_read_tokens',
  cacheCreation: 'cache_creation_tokens',
  total: 'total_tokens',
} as const satisfies Record<keyof ReportedTokens, string>;
type Counter = keyof typeof COUNTERS;
const NAMES: readonly Counter[] = [
  'input',
  'output',
  'reasoning',
  'cached',
  'cache',
  'cacheRead',
  'cacheCreation',
  'total',
];

/** Columns that a comparison reads of each row. */
export const COMPARED_COLUMNS = [...IDENTITY_COLUMNS, 'model', ...Object.values(COUNTERS)];

export type Reconciled = Pick<TakeoverReport, 'old' | 'now' | 'days' | 'reasons' | 'differences' | 'lost'>;

export interface ReconcileParts {
  /** Reads {@link COMPARED_COLUMNS}. */
  readonly compared: Pick<OldEvents, 'read' | 'countedIn' | 'count'>;
  /** Reads whole rows, for those that differ. */
  readonly whole: Pick<OldEvents, 'row'>;
  /** Counters that the old program had a column for. */
  readonly columns: ReadonlySet<string>;
  readonly matcher: EventMatcher;
  /** Events behind this rowid have not been copied yet; infinite once everything was. */
  readonly copiedTo: number;
  /** Called now and then, with the rows that were compared and all; may throw to end it. */
  readonly onProgress?: (done: number, total: number) => void;
}

const BATCH = { rows: 1000, characters: 8 * 1024 * 1024 };
const MOST_DIFFERENCES = 1000;
const DAY_MS = 86_400_000;
const MOST_NAME = 200;

/** Compares every event of an old volume with ours, one by one. Which of ours came from there is told by their hash. */
export function reconcile(parts: ReconcileParts): Reconciled {
  return new Reconciliation(parts).run();
}

type OpenSums = Record<Counter | 'events', number>;

interface Group {
  readonly model: string;
  readonly day: string;
  readonly old: OpenSums;
  readonly now: OpenSums;
}

class Reconciliation {
  readonly #parts: ReconcileParts;
  readonly #has: readonly Counter[];
  readonly #groups = new Map<string, Group>();
  readonly #reasons = new Map<TakeoverReason, number>();
  readonly #differences: TakeoverDifference[] = [];
  readonly #lost: LostRows[] = [];

  constructor(parts: ReconcileParts) {
    this.#parts = parts;
    this.#has = NAMES.filter((name) => parts.columns.has(COUNTERS[name]));
  }

  run(): Reconciled {
    const { compared, onProgress } = this.#parts;
    const total = compared.count;
    let done = 0;
    for (let after = 0, end = false; !end;) {
      const batch = compared.read(after, BATCH);
      for (const row of batch.rows) this.#compare(row);
      for (const range of batch.lost) addLost(this.#lost, range);
      done += batch.rows.length;
      after = batch.last;
      ({ end } = batch);
      onProgress?.(done, total);
    }
    return this.#result();
  }

  #compare(row: OldRow): void {
    const identity = oldIdentity(row, (id) => this.#parts.whole.row(id));
    const group = this.#group(row, identity?.timestampMs ?? null);
    const old = countsOf(row);
    add(group.old, old);
    const differs = (reason: TakeoverReason, detail: string): void =>
      this.#differs(row.id, group, reason, detail);
    if (identity === null) {
      differs('unreadable', text(row['event_hash']) === '' ? 'it has no hash' : 'its time cannot be read');
      return;
    }
    const found = this.#parts.matcher.find(identity.timestampMs, identity.hash);
    if (found === null) {
      differs(...this.#whyMissing(row));
      return;
    }
    if (!this.#parts.matcher.claim(found.id)) {
      differs('duplicate', 'the old volume holds the same event once more');
      return;
    }
    add(group.now, found.reported);
    const unequal = this.#has.filter((name) => old[name] !== found.reported[name]);
    if (unequal.length > 0) differs(...this.#why(row, unequal, old, found.reported));
  }

  #whyMissing(row: OldRow): [TakeoverReason, string] {
    const whole = oldEvent(this.#parts.whole.row(row.id) ?? row, { nowMs: 0 });
    if (whole.kind === 'rejected') return ['unreadable', whole.reason];
    return row.id > this.#parts.copiedTo
      ? ['not_copied', 'it has not been copied yet']
      : ['missing', 'it could not be stored, or was deleted here since'];
  }

  /** The gravest reason for counters that differ. */
  #why(
    row: OldRow,
    unequal: readonly Counter[],
    old: ReportedTokens,
    now: ReportedTokens,
  ): [TakeoverReason, string] {
    const detail = unequal
      .map((name) => `${COUNTERS[name]} ${old[name]} there, ${now[name]} here`)
      .join('; ');
    const whole = oldEvent(this.#parts.whole.row(row.id) ?? row, { nowMs: 0 });
    const copied = whole.kind === 'event' ? whole.imported.event.reported : null;
    if (copied === null || NAMES.some((name) => copied[name] !== now[name])) return ['there_before', detail];
    if (unequal.some((name) => old[name] < 0 || old[name] > MAX_COUNT)) return ['clamped', detail];
    return [unequal.every((name) => name === 'total') ? 'total_added' : 'from_record', detail];
  }

  #differs(oldId: number, { model, day }: Group, reason: TakeoverReason, detail: string): void {
    this.#reasons.set(reason, (this.#reasons.get(reason) ?? 0) + 1);
    if (this.#differences.length < MOST_DIFFERENCES)
      this.#differences.push({ reason, oldId, model, day, detail });
  }

  #group(row: OldRow, timestampMs: number | null): Group {
    const model = text(row['model']).slice(0, MOST_NAME);
    const dayNumber = timestampMs === null ? null : Math.floor(timestampMs / DAY_MS);
    const key = `${dayNumber ?? ''} ${model}`;
    let group = this.#groups.get(key);
    if (group === undefined) {
      const day = dayNumber === null ? '' : new Date(dayNumber * DAY_MS).toISOString().slice(0, 10);
      group = { model: redactName(model, []) || '-', day, old: noSums(), now: noSums() };
      this.#groups.set(key, group);
    }
    return group;
  }

  #result(): Reconciled {
    const old = noSums();
    const now = noSums();
    const days: TakeoverDay[] = [];
    for (const group of this.#groups.values()) {
      addAll(old, group.old);
      addAll(now, group.now);
      const equal =
        group.old.events === group.now.events &&
        this.#has.every((name) => group.old[name] === group.now[name]);
      days.push({
        model: group.model,
        day: group.day,
        old: this.#sums(group.old),
        now: this.#sums(group.now, NAMES),
        equal,
      });
    }
    days.sort((a, b) => compare(a.model, b.model) || compare(a.day, b.day));
    const lost = this.#lost.map((range) => ({ ...range, events: this.#parts.compared.countedIn(range) }));
    if (lost.length > 0) {
      const events = lost.reduce((sum, { fromId, toId, events }) => sum + (events ?? toId - fromId + 1), 0);
      this.#reasons.set('lost', events);
    }
    return {
      old: this.#sums(old),
      now: this.#sums(now, NAMES),
      days,
      reasons: [...this.#reasons].map(([reason, rows]) => ({ reason, rows })),
      differences: this.#differences,
      lost,
    };
  }

  /** What the old program had no counter for is null. */
  #sums(sums: OpenSums, known: readonly Counter[] = this.#has): TakeoverSums {
    const of = (name: Counter): number | null => (known.includes(name) ? sums[name] : null);
    return {
      events: sums.events,
      input: of('input'),
      output: of('output'),
      reasoning: of('reasoning'),
      cached: of('cached'),
      cache: of('cache'),
      cacheRead: of('cacheRead'),
      cacheCreation: of('cacheCreation'),
      total: of('total'),
    };
  }
}

/** As they are stored there; what is no number counts nothing. */
function countsOf(row: OldRow): ReportedTokens {
  const of = (name: Counter): number => Number(integer(row[COUNTERS[name]]));
  return {
    input: of('input'),
    output: of('output'),
    reasoning: of('reasoning'),
    cached: of('cached'),
    cache: of('cache'),
    cacheRead: of('cacheRead'),
    cacheCreation: of('cacheCreation'),
    total: of('total'),
  };
}

function noSums(): OpenSums {
  return {
    events: 0,
    input: 0,
    output: 0,
    reasoning: 0,
    cached: 0,
    cache: 0,
    cacheRead: 0,
    cacheCreation: 0,
    total: 0,
  };
}

function add(sums: OpenSums, counts: ReportedTokens): void {
  sums.events += 1;
  for (const name of NAMES) sums[name] += counts[name];
}

function addAll(sums: OpenSums, other: OpenSums): void {
  sums.events += other.events;
  for (const name of NAMES) sums[name] += other[name];
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
