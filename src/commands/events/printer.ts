import type { EventRow } from '../../lib/contract/api/events.ts';
import { EventFlag } from '../../lib/contract/event.ts';
import { readAliases } from '../../lib/store/alias-store.ts';
import { guarded, type Db } from '../../lib/store/sqlite.ts';
import { Zone } from '../../lib/zoned-time.ts';
import type { CliContext } from '../shared/context.ts';
import { clip } from '../shared/display-width.ts';
import { formatRows, formatTable } from '../shared/tables.ts';
import { layout, type PlacedColumn } from './layout.ts';
import { cellsOf, type EventCells } from './row-cells.ts';

/** Lines that are made and handed over at once. */
const LINES = 200;

/** Names of client keys by hash. */
export type KeyNames = ReadonlyMap<string, string>;

/** They are few, and can change at any time. Throws what the store throws. */
export function keyNames(db: Db): KeyNames {
  return new Map(guarded(() => readAliases(db)).map(({ apiKeyHash, alias }) => [apiKeyHash, alias]));
}

/** Prints events in the form that is asked for. */
export class EventPrinter {
  readonly #context: CliContext;
  readonly #zone: Zone;
  /** The width that the titles above were made for; undefined before there are any. */
  #titledFor: number | null | undefined = undefined;

  /** `timeZone`: IANA name; without one that of the machine. Throws `invalid_time_zone`. */
  constructor(context: CliContext, timeZone: string | undefined) {
    this.#context = context;
    this.#zone = new Zone(timeZone ?? Intl.DateTimeFormat().resolvedOptions().timeZone);
  }

  /** All there is: columns are as wide as these events need. */
  async table(rows: readonly EventRow[], aliases: KeyNames): Promise<void> {
    if (rows.length === 0) return;
    if (this.#context.output.json) {
      await this.#json(rows, aliases);
      return;
    }
    const cells = rows.map((row) => cellsOf(row, { zone: this.#zone, aliases }));
    const columns = layout(this.#width(), cells);
    await this.#context.output.write(`${formatTable(columns, this.#lines(columns, rows, cells))}\n`);
  }

  /** A part of what is there, with lines of one width. */
  async more(rows: readonly EventRow[], aliases: KeyNames): Promise<void> {
    if (this.#context.output.json) {
      await this.#json(rows, aliases);
      return;
    }
    const width = this.#width();
    const columns = layout(width, null);
    if (this.#titledFor !== width) {
      this.#titledFor = width;
      await this.#context.output.write(`${formatTable(columns, [])}\n`);
    }
    for (let at = 0; at < rows.length; at += LINES) {
      const some = rows.slice(at, at + LINES);
      const cells = some.map((row) => cellsOf(row, { zone: this.#zone, aliases }));
      await this.#context.output.write(`${formatRows(columns, this.#lines(columns, some, cells))}\n`);
    }
  }

  async #json(rows: readonly EventRow[], aliases: KeyNames): Promise<void> {
    for (const row of rows) {
      await this.#context.output.line({ ...row, api_key_alias: aliases.get(row.api_key_hash) ?? '' });
    }
  }

  #lines(
    columns: readonly PlacedColumn[],
    rows: readonly EventRow[],
    cells: readonly EventCells[],
  ): string[][] {
    const { paint } = this.#context.output;
    return cells.map((line, at) =>
      columns.map(({ name, width }) => {
        const text = clip(line[name], width);
        const row = rows[at];
        if (name !== 'status' || !row?.failed) return text;
        return (row.flags & EventFlag.cancelled) !== 0 ? paint.yellow(text) : paint.red(text);
      }),
    );
  }

  /** Of the terminal, or as `COLUMNS` says; null: lines may be of any length. */
  #width(): number | null {
    const { env, isTty, stdout } = this.#context;
    const columns = isTty.stdout && stdout.columns > 0 ? stdout.columns : Number(env['COLUMNS']);
    return Number.isInteger(columns) && columns > 0 ? columns : null;
  }
}
