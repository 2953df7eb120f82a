import { JsonWalker, type JsonChoice, type JsonKind, type JsonPath } from './json-walker.ts';

/**
 * `lines`: one JSON object a line, whatever of them. `array`: such objects in a list. The snapshots hold details of
 * requests by endpoint and model, `snapshot` under `usage`, `payload` at the top; `summary` holds nothing but sums.
 */
export type ImportFormat = 'empty' | 'lines' | 'array' | 'snapshot' | 'payload' | 'summary';

const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);
const OPEN_OBJECT = 0x7b;
const OPEN_ARRAY = 0x5b;
/** A first object longer than this without any sign of a snapshot is none. */
const MOST_HEAD = 4 * 1024 * 1024;
const HASH = new Set(['event_hash', 'eventHash']);
const SUMS = new Set(['total_requests', 'success_count', 'failure_count']);

/** Where the text of a file begins, behind a byte order mark. */
export function startOf(head: Buffer): number {
  return head.subarray(0, 3).equals(BYTE_ORDER_MARK) ? 3 : 0;
}

/** What a file is by its first bytes; null when more of them are needed. `ended`: there are no more. */
export function formatOf(head: Buffer, ended: boolean): ImportFormat | null {
  const text = head.subarray(startOf(head));
  const first = text.find((byte) => byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09);
  if (first === undefined) return ended ? 'empty' : null;
  if (first === OPEN_ARRAY) return 'array';
  if (first !== OPEN_OBJECT) return 'lines';
  const search = new FormatSearch();
  const walker = new JsonWalker(search, 0);
  try {
    walker.push(text);
  } catch {
    return search.found ?? 'lines';
  }
  if (search.found !== null) return search.found;
  if (walker.done) return search.sums ? 'summary' : 'lines';
  return ended || text.length > MOST_HEAD ? 'lines' : null;
}

class FormatSearch {
  found: ImportFormat | null = null;
  sums = false;

  enter(path: JsonPath, kind: JsonKind): JsonChoice {
    const [top, below] = path;
    if (path.length === 0) return 'descend';
    if (this.found !== null) return 'skip';
    const name = path.length === 1 ? top : below;
    if (SUMS.has(String(name))) this.sums = true;
    if (path.length === 1 && HASH.has(String(top))) this.found = 'lines';
    else if (name === 'apis' && kind === 'object') this.found = path.length === 1 ? 'payload' : 'snapshot';
    return path.length === 1 && top === 'usage' && kind === 'object' ? 'descend' : 'skip';
  }
}
