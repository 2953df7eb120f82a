import fs from 'node:fs';

/** What the first bytes of a database file say, without SQLite. Offsets are those of the SQLite file format. */
export interface Header {
  readonly pageSize: number;
  /** How many pages the database has, by page 1; 0: it does not say. */
  readonly pages: number;
  readonly applicationId: number;
  readonly userVersion: number;
  readonly walMode: boolean;
}

/** The head of a write-ahead log, and what page 1 says in it. */
export interface WalHead {
  readonly pageSize: number;
  /** Null when no complete transaction among the frames looked at has page 1. */
  readonly pageOne: { readonly applicationId: number; readonly userVersion: number } | null;
  /**
   * How many pages the database has after its last transaction; null when none is complete, or when page 1 is in the
   * log. A transaction that changes the number writes page 1, so without it the number is the one in the main file.
   */
  readonly pages: number | null;
}

export type MainFile =
  | { readonly kind: 'absent' }
  | { readonly kind: 'empty' }
  | { readonly kind: 'not-a-file' }
  | { readonly kind: 'not-sqlite'; readonly detail: string }
  | { readonly kind: 'sqlite'; readonly header: Header; readonly bytes: number };

const MAGIC = 'SQLite format 3\0';
const HEADER_BYTES = 100;
const WAL_HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;
/** 0x377f0682 and, with checksums in big-endian, 0x377f0683. */
const WAL_MAGIC = 0x377f0682;
/** Frames looked at for page 1: about 256 MiB of log, a fifth of a second. */
const FRAMES = 65_536;

/**
 * Looks at the main file. Only while this process has no connection to it: closing a descriptor drops all locks that
 * the process holds on a file, those of SQLite included.
 */
export function readMainFile(path: string): MainFile {
  const stat = fs.statSync(path, { throwIfNoEntry: false });
  if (!stat) return { kind: 'absent' };
  if (!stat.isFile()) return { kind: 'not-a-file' };
  if (stat.size === 0) return { kind: 'empty' };
  const bytes = withFile(path, (read) => read(0, HEADER_BYTES));
  if (bytes.length < HEADER_BYTES || bytes.toString('latin1', 0, MAGIC.length) !== MAGIC) {
    return { kind: 'not-sqlite', detail: unlike(bytes, stat.size) };
  }
  const size = bytes.readUInt16BE(16);
  return {
    kind: 'sqlite',
    bytes: stat.size,
    header: {
      pageSize: size === 1 ? 65_536 : size,
      // Counts only when it was written with the last change, which very old versions did not do.
      pages: bytes.readUInt32BE(24) === bytes.readUInt32BE(92) ? bytes.readUInt32BE(28) : 0,
      applicationId: bytes.readUInt32BE(68),
      userVersion: bytes.readUInt32BE(60),
      walMode: bytes[18] === 2 && bytes[19] === 2,
    },
  };
}

/** Null when there is no log, or none that SQLite would take for one. The same rule as for the main file. */
export function readWalHead(path: string): WalHead | null {
  if ((fs.statSync(path, { throwIfNoEntry: false })?.size ?? 0) < WAL_HEADER_BYTES) return null;
  return withFile(path, (read) => {
    const head = read(0, WAL_HEADER_BYTES);
    if (head.length < WAL_HEADER_BYTES || (head.readUInt32BE(0) & ~1) >>> 0 !== WAL_MAGIC) return null;
    const pageSize = head.readUInt32BE(8);
    const salts = head.subarray(16, 24);
    let pageOne: WalHead['pageOne'] = null;
    let written: WalHead['pageOne'] = null;
    let seen = false;
    let pages: number | null = null;
    for (let frame = 0, at = WAL_HEADER_BYTES; ; frame += 1) {
      if (frame === FRAMES) return { pageSize, pageOne, pages: null };
      const frameHead = read(at, FRAME_HEADER_BYTES);
      // Frames of an earlier round of the log lie behind the last one, with other salts.
      if (frameHead.length < FRAME_HEADER_BYTES || !frameHead.subarray(8, 16).equals(salts)) break;
      if (frameHead.readUInt32BE(0) === 1) {
        seen = true;
        written = pageOneOf(read(at + FRAME_HEADER_BYTES, HEADER_BYTES)) ?? written;
      }
      // 0 in all frames but the last of a transaction.
      const size = frameHead.readUInt32BE(4);
      if (size > 0) {
        pageOne = written;
        pages = size;
      }
      at += FRAME_HEADER_BYTES + pageSize;
    }
    return { pageSize, pageOne, pages: seen ? null : pages };
  });
}

/** Null for a page that a loss of power left without what was written to it. */
function pageOneOf(page: Buffer): WalHead['pageOne'] {
  if (page.length < HEADER_BYTES || page.toString('latin1', 0, MAGIC.length) !== MAGIC) return null;
  return { applicationId: page.readUInt32BE(68), userVersion: page.readUInt32BE(60) };
}

function unlike(bytes: Buffer, size: number): string {
  if (bytes.every((byte) => byte === 0)) return 'it begins with zeros, as after a loss of power';
  const printable = bytes.every((byte) => byte === 9 || byte === 10 || byte === 13 || byte >= 32);
  if (size >= 512 && size % 512 === 0 && !(printable && bytes.every((byte) => byte < 127))) {
    return 'it is encrypted, or its first page is damaged';
  }
  return 'it is not an SQLite database';
}

type Read = (position: number, bytes: number) => Buffer;

function withFile<T>(path: string, work: (read: Read) => T): T {
  const fd = fs.openSync(path, 'r');
  try {
    return work((position, bytes) => {
      const buffer = Buffer.alloc(bytes);
      return buffer.subarray(0, fs.readSync(fd, buffer, 0, bytes, position));
    });
  } finally {
    fs.closeSync(fd);
  }
}
