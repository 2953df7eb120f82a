import { has, type Generation, type Since } from './generations.ts';

/**
 * A table in short: its columns in the order of a new database, each `name:type` with `i`, `t`, `r` or nothing for
 * the type, `!` for NOT NULL, `=x` for a default, `#` for the key (`#auto` counts), `^` for UNIQUE, and `@generation`
 * where it came later than the table.
 */
export interface Table {
  readonly name: string;
  readonly since: Since;
  readonly columns: string;
  /** Constraints of the table. */
  readonly rest?: readonly string[];
}

export interface Column {
  readonly name: string;
  /** As behind `ADD COLUMN`. */
  readonly sql: string;
  readonly nullable: boolean;
  readonly type: 'integer' | 'text' | 'real';
  readonly since: Since;
}

const TYPES = { i: 'integer', t: 'text', r: 'real' } as const;
const COLUMN = /^(\w+):([itr])(!?)(?:=([^#^@]*))?(#auto|#)?(\^?)(?:@(.+))?$/;

const parsed = new Map<Table, readonly Column[]>();

/** All columns the table ever had. */
function everyColumn(table: Table): readonly Column[] {
  let columns = parsed.get(table);
  if (!columns) {
    columns = table.columns.trim().split(/\s+/).map(parse(table));
    parsed.set(table, columns);
  }
  return columns;
}

function parse(table: Table): (text: string) => Column {
  return (text) => {
    const parts = COLUMN.exec(text);
    if (!parts) throw new Error(`not a column: ${text}`);
    const [, name = '', letter = '', bang, preset, key, unique, since] = parts;
    const type = letter === 'i' ? TYPES.i : letter === 't' ? TYPES.t : TYPES.r;
    const sql = [
      `${name} ${type}`,
      key === undefined ? '' : key === '#auto' ? 'primary key autoincrement' : 'primary key',
      bang === '!' ? 'not null' : '',
      preset === undefined ? '' : `default ${preset}`,
      unique === '^' ? 'unique' : '',
    ];
    return {
      name,
      type,
      sql: sql.filter((word) => word !== '').join(' '),
      nullable: bang !== '!' && key === undefined,
      since: since ?? table.since,
    };
  };
}

export function columnsOf(table: Table, generation: Generation): readonly Column[] {
  return everyColumn(table).filter((column) => has(generation, column.since));
}

export function createTable(table: Table, generation: Generation): string {
  const parts = [...columnsOf(table, generation).map((column) => column.sql), ...(table.rest ?? [])];
  return `create table if not exists ${table.name} (${parts.join(', ')})`;
}
