import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import Database from 'better-sqlite3';
import { fillDerived } from './derive.ts';
import { makeEvent, type EventRow } from './event.ts';
import { LETTER_KEY, makeExtras, writeExtras, type Extras } from './extras.ts';
import { has, isPlus, type Generation } from './generations.ts';
import type { Value } from './hash.ts';
import { columnsOf } from './notation.ts';
import { chosenOddities, PLAIN_KEYS, type Bytes, type Odd, type Oddities } from './oddities.ts';
import { Random } from './random.ts';
import { addIndexes, bringUpToDate, CONNECTION } from './schema.ts';
import { makeSettings, type OldConnection } from './settings.ts';
import { addTo, type Sums } from './sums.ts';
import { USAGE_EVENTS } from './tables.ts';
import { makeWorld, type World } from './world.ts';

export interface OldVolumeOptions {
  readonly generation: Generation;
  /** How many rows `usage_events` gets, besides copies. */
  readonly events: number;
  readonly seed?: number;
  readonly oddities?: Oddities;
  /**
   * The program was killed: true leaves every row in the WAL, `tail` the newest tenth. Without it, it was stopped
   * and the volume has no WAL.
   */
  readonly inWal?: boolean | 'tail';
  /** The file was begun by this older program, which wrote the first half of the events. */
  readonly begunBy?: Generation;
  /** Null: the gateway was given by the environment. */
  readonly connection?: OldConnection | null;
  /** `data.key` is gone. */
  readonly withoutDataKey?: boolean;
  /** The events end here. Epoch ms. */
  readonly nowMs?: number;
  /** Over how many days before that they are spread. */
  readonly days?: number;
}

/** A row that is not like the others. */
export interface OddRow {
  readonly id: number;
  readonly of: keyof Oddities;
  readonly kind: string;
  /** It is in the sums as any other. */
  readonly sound: boolean;
  /** As it was written, but for columns that are no UTF-8. */
  readonly row: EventRow;
}

/** What went into a volume, counted while it was written. */
export interface OldVolume {
  readonly dir: string;
  readonly dbPath: string;
  readonly generation: Generation;
  /** Rows of `usage_events`. */
  readonly rows: number;
  /** The sound rows, without copies. */
  readonly sums: Sums;
  readonly odd: readonly OddRow[];
  /** Ids of the rows that are copies of one before them. */
  readonly copies: readonly number[];
  /** Rows of the other tables, by table. */
  readonly extras: Extras;
  readonly connection: OldConnection | null;
  readonly adminKey: string | null;
  readonly dataKeyFile: string | null;
  /** Parts of keys in plain text that are in this volume and may be in none of our files. */
  readonly secrets: readonly string[];
}

const NOW_MS = Date.UTC(2026, 10, 20, 9, 30);
const DAY_MS = 86_400_000;
const NEWEST: Generation = 'cpa-manager-plus-1.12.2';
/** Often at first, so that a small volume has every kind. */
const oddEvery = (made: number): number => (made < 240 ? 3 : 7);
const COPY_EVERY = 11;

export const OLD_CONNECTION: OldConnection = {
  baseUrl: 'http://127.0.0.1:8317',
  managementKey: 'made-up-management-key-of-the-old-program',
};

/** Writes a data directory as this old program would have left it. `dir` is made. */
export function makeOldVolume(dir: string, options: OldVolumeOptions): OldVolume {
  const { generation, inWal = false, nowMs = NOW_MS } = options;
  const connection = options.connection === undefined ? OLD_CONNECTION : options.connection;
  fs.mkdirSync(dir, { recursive: true });
  const scratch = inWal === false ? dir : fs.mkdtempSync(path.join(os.tmpdir(), 'cpamp-old-'));
  const db = new Database(path.join(scratch, 'usage.sqlite'));
  try {
    for (const statement of CONNECTION) db.exec(statement);
    db.pragma('wal_autocheckpoint = 0');
    const world = makeWorld(options.seed ?? 1);
    const settings = makeSettings(generation, connection, nowMs);
    const writer = new EventWriter(db, world, options);
    const begun = options.begunBy ?? generation;
    const total = options.events;
    bringUpToDate(db, begun);
    addIndexes(db, begun);
    const half = options.begunBy === undefined ? 0 : Math.floor(total / 2);
    if (half > 0) writer.write(begun, half);
    bringUpToDate(db, generation);
    addIndexes(db, generation);
    const extras = db.transaction(() => {
      const add = db.prepare('insert into settings (key, value, updated_at_ms) values (?, ?, ?)');
      for (const row of settings.rows) add.run(row.key, row.value, row.atMs);
      return writeExtras(db, generation, makeExtras(generation, world, nowMs));
    })();
    const tail = inWal === 'tail' ? Math.ceil(total / 10) : 0;
    writer.write(generation, total - tail);
    if (tail > 0) db.pragma('wal_checkpoint(truncate)');
    writer.write(generation, total);
    db.transaction(() => fillDerived(db, generation))();
    if (scratch !== dir) copyOpenFiles(scratch, dir);
    writeOtherFiles(dir, generation, options.withoutDataKey === true ? null : settings.dataKeyFile);
    const odd = options.oddities?.plainKeys === true ? PLAIN_KEYS : [];
    return {
      dir,
      dbPath: path.join(dir, 'usage.sqlite'),
      generation,
      rows: writer.rows,
      sums: writer.sums,
      odd: writer.odd,
      copies: writer.copies,
      extras,
      connection,
      adminKey: settings.adminKey,
      dataKeyFile: settings.dataKeyFile,
      secrets: [...world.secrets, LETTER_KEY, ...odd, ...(connection ? [connection.managementKey] : [])],
    };
  } finally {
    db.close();
    if (scratch !== dir) fs.rmSync(scratch, { recursive: true, force: true });
  }
}

/** The files of a database that is still open, as a killed process leaves them. */
function copyOpenFiles(from: string, to: string): void {
  for (const name of ['usage.sqlite', 'usage.sqlite-wal', 'usage.sqlite-shm']) {
    fs.copyFileSync(path.join(from, name), path.join(to, name));
  }
}

function writeOtherFiles(dir: string, generation: Generation, dataKeyFile: string | null): void {
  if (!isPlus(generation)) return;
  if (dataKeyFile !== null) fs.writeFileSync(path.join(dir, 'data.key'), dataKeyFile, { mode: 0o600 });
  fs.mkdirSync(path.join(dir, 'usage-imports'), { recursive: true, mode: 0o700 });
  if (has(generation, '+1.12.0-rc.3')) {
    fs.writeFileSync(path.join(dir, 'usage.sqlite.manager.lock'), '', { mode: 0o600 });
  }
}

class EventWriter {
  rows = 0;
  readonly sums: Sums = new Map();
  readonly odd: OddRow[] = [];
  readonly copies: number[] = [];
  readonly #db: Database.Database;
  readonly #world: World;
  readonly #options: OldVolumeOptions;
  readonly #random: Random;
  readonly #used = new Map<Odd, number>();
  #made = 0;
  #turn = 0;
  #before: EventRow | null = null;

  constructor(db: Database.Database, world: World, options: OldVolumeOptions) {
    this.#db = db;
    this.#world = world;
    this.#options = options;
    this.#random = new Random((options.seed ?? 1) + 1);
  }

  /** Writes on until so many rows were made, as `generation` does. */
  write(generation: Generation, upTo: number): void {
    if (this.#options.oddities?.duplicates === true) this.#dropUnique();
    const known = columnsOf(USAGE_EVENTS, generation).filter(({ name }) => name !== 'id');
    const columns = known.map(({ name }) => name);
    const absent = columnsOf(USAGE_EVENTS, NEWEST)
      .map(({ name }) => name)
      .filter((name) => name !== 'id' && !columns.includes(name));
    const nullable = known.filter((column) => column.nullable).map(({ name }) => name);
    const kinds = chosenOddities(this.#options.oddities ?? {}, nullable);
    const insert = this.#db.prepare(
      `insert into usage_events (${columns.join(', ')}) values (${columns.map(() => '?').join(', ')})`,
    );
    const add = (row: EventRow): number => {
      const values = columns.map((column): Value => row[column] ?? null);
      this.rows += 1;
      return Number(insert.run(values).lastInsertRowid);
    };
    this.#db.transaction(() => {
      for (; this.#made < upTo; this.#made += 1) this.#one(generation, columns, absent, kinds, add);
    })();
  }

  #one(
    generation: Generation,
    columns: readonly string[],
    absent: readonly string[],
    kinds: readonly Odd[],
    add: (row: EventRow) => number,
  ): void {
    const row = makeEvent(this.#world, this.#random, generation, this.#time());
    // A column that the program did not have is nothing that its row could hold.
    for (const column of absent) row[column] = null;
    const odd = this.#made % oddEvery(this.#made) === 2 ? this.#next(kinds) : null;
    const bytes = odd?.change(row, this.#before, this.#made);
    const id = add(row);
    if (bytes) this.#setBytes(id, bytes, columns);
    if (odd) this.odd.push({ id, of: odd.of, kind: odd.kind, sound: odd.sound, row });
    if (odd?.sound !== false) addTo(this.sums, row);
    this.#before = odd ? null : row;
    if (this.#options.oddities?.duplicates === true && !odd && this.#made % COPY_EVERY === 3) {
      this.copies.push(add(row));
    }
  }

  #time(): number {
    const { nowMs = NOW_MS, days = 30, events } = this.#options;
    const step = (days * DAY_MS) / events;
    return Math.floor(nowMs - days * DAY_MS + (this.#made + this.#random.next()) * step);
  }

  #next(kinds: readonly Odd[]): Odd | null {
    for (let tried = 0; tried < kinds.length; tried += 1) {
      const odd = kinds[this.#turn % kinds.length];
      this.#turn += 1;
      if (!odd) return null;
      const used = this.#used.get(odd) ?? 0;
      if (used >= (odd.most ?? Infinity)) continue;
      this.#used.set(odd, used + 1);
      return odd;
    }
    return null;
  }

  #setBytes(id: number, bytes: Bytes, columns: readonly string[]): void {
    for (const [column, value] of Object.entries(bytes)) {
      if (!columns.includes(column)) continue;
      this.#db.prepare(`update usage_events set ${column} = cast(? as text) where id = ?`).run(value, id);
    }
  }

  #dropUnique(): void {
    const table = this.#db.prepare(`select sql from sqlite_schema where name = 'usage_events'`).pluck();
    const sql = String(table.get());
    if (!sql.includes(' unique')) return;
    const columns = sql
      .slice(sql.indexOf('('))
      .replace('event_hash text not null unique', 'event_hash text not null');
    const indexes = this.#db
      .prepare(
        `select sql from sqlite_schema where tbl_name = 'usage_events' and type = 'index' and sql <> ''`,
      )
      .pluck()
      .all();
    this.#db.exec(`alter table usage_events rename to torn; create table usage_events ${columns};
      insert into usage_events select * from torn; drop table torn`);
    for (const index of indexes) this.#db.exec(String(index));
  }
}
