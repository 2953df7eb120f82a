import fs from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';

const TABLE_LEAF = 0x0d;

export interface CorruptPage {
  /** From 1. */
  readonly page: number;
  /** The rows of `usage_events` that were on it. */
  readonly ids: readonly number[];
}

/**
 * Overwrites the `n`th page (from 0) that holds rows of `usage_events`. Only for a volume without WAL, where that
 * page is in the main file.
 */
export function corruptPage(dir: string, n: number): CorruptPage {
  const file = path.join(dir, 'usage.sqlite');
  if (fs.existsSync(`${file}-wal`)) throw new Error(`${file} has rows in its WAL`);
  const db = new Database(file);
  let page: number;
  let size: number;
  try {
    const pages = db
      .prepare(
        `select pageno from dbstat where name = 'usage_events' and pagetype = 'leaf' order by path limit 1 offset ?`,
      )
      .pluck();
    page = Number(pages.get(n) ?? 0);
    size = Number(db.pragma('page_size', { simple: true }));
  } finally {
    db.close();
  }
  if (page < 2) throw new Error(`usage_events has no leaf page ${n} of its own`);
  const fd = fs.openSync(file, 'r+');
  try {
    const bytes = Buffer.alloc(size);
    fs.readSync(fd, bytes, 0, size, (page - 1) * size);
    const ids = rowIds(bytes);
    fs.writeSync(fd, Buffer.alloc(size, 0xa5), 0, size, (page - 1) * size);
    return { page, ids };
  } finally {
    fs.closeSync(fd);
  }
}

/** A leaf: a header of 8 bytes, then a pointer to each cell, which begins with two varints: length and row id. */
function rowIds(page: Buffer): readonly number[] {
  if (page[0] !== TABLE_LEAF) throw new Error('not a leaf of a table');
  return Array.from({ length: page.readUInt16BE(3) }, (_, index) => {
    const cell = page.readUInt16BE(8 + 2 * index);
    const length = varint(page, cell);
    return varint(page, length.end).value;
  });
}

/** Big-endian, seven bits a byte; never beyond 53 bits here. */
function varint(page: Buffer, at: number): { readonly value: number; readonly end: number } {
  let value = 0;
  let end = at;
  for (;;) {
    const byte = page[end] ?? 0;
    value = value * 128 + (byte & 0x7f);
    end += 1;
    if (byte < 0x80) return { value, end };
  }
}
