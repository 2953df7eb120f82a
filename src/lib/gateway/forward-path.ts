import { AppError } from '../errors.ts';

export interface ForwardTarget {
  /** Path and query for the gateway: as they came, but with single slashes. */
  readonly target: string;
  /** The first name below the prefix, in the one spelling that is compared: `usage-queue`. `''` without one. */
  readonly family: string;
}

/** Nested encodings that are still looked through; nobody means more. */
const MOST_DECODINGS = 4;

/**
 * Reads the target of a request that came in below `prefix`, so that the gateway, and whatever stands before it, sees
 * the same path as we do. CLIProxyAPI's router decodes the path once (`%2f` becomes a slash), resolves no dots and
 * compares by case; proxies before it may decode, collapse and resolve. So only what reads the same for all of them
 * goes through: no dot segments, encoded slashes, backslashes or control characters, however often they are encoded,
 * and the prefix in plain letters. Doubled slashes are collapsed. The query is nobody's path and stays as it is.
 * Throws `invalid_request`.
 */
export function readTarget(url: string, prefix: string): ForwardTarget {
  const mark = url.indexOf('?');
  const path = (mark < 0 ? url : url.slice(0, mark)).replace(/\/{2,}/g, '/');
  const query = mark < 0 ? '' : url.slice(mark);
  const refuse = (why: string): never => {
    throw new AppError('invalid_request', { detail: `a path with ${why} is not forwarded` });
  };
  if (path !== prefix && !path.startsWith(`${prefix}/`)) return refuse('an unusual spelling');
  if (url.includes('#') || /[^\x21-\x7e]/.test(path)) return refuse('characters that must be encoded');
  const plain = decode(path) ?? refuse('a broken or nested encoding');
  if (/[\\\p{Cc}]/u.test(plain)) return refuse('a backslash or a control character');
  const segments = plain.split('/');
  if (segments.length !== path.split('/').length) return refuse('an encoded slash');
  // What follows a semicolon are parameters to some, which then see the dots alone.
  const names = segments.map((segment) => segment.replace(/;.*$/, ''));
  if (names.some((name) => name === '.' || name === '..')) return refuse('dot segments');
  if (names.some((name, at) => name === '' && segments[at] !== '')) return refuse('an empty name');
  const first = segments[prefix.split('/').length] ?? '';
  const family = first
    .replace(/[;?#].*$/, '')
    .replace(/[\s.]+$/, '')
    .trimStart()
    .toLowerCase();
  return { target: path + query, family };
}

/** Decodes until nothing changes; null where that is not possible. */
function decode(path: string): string | null {
  let text = path;
  for (let times = 0; times <= MOST_DECODINGS; times += 1) {
    let next: string;
    try {
      next = decodeURIComponent(text);
    } catch {
      // A name may hold a percent sign of its own, which is encoded once.
      return times === 0 ? null : text;
    }
    if (next === text) return text;
    text = next;
  }
  return null;
}
