const EDGE_SPACE = /^[\s\u0085]+|[\s\u0085]+$/g;
const PRINTABLE_WORDS = /^[!-~]+(?: [!-~]+)*$/;
// Control, format, unassigned and separator characters: whatever a terminal or a log line should not receive raw.
const NOT_GRAPHIC = /[\p{C}\p{Z}\s]+/gu;
const ELLIPSIS = '...';

/**
 * Trims white space as Go does, because the hash of an event is taken over text that CLIProxyAPI's companions
 * trimmed that way: U+0085 is space there, U+FEFF is not.
 */
export function trim(value: string): string {
  const last = value.length - 1;
  if (last < 0 || (isPlain(value.charCodeAt(0)) && isPlain(value.charCodeAt(last)))) return value;
  if (!value.includes('\uFEFF')) return value.replace(EDGE_SPACE, '');
  return value.replace(/^[^\S\uFEFF]+|[^\S\uFEFF]+$/g, '').replace(/^\u0085+|\u0085+$/g, '');
}

function isPlain(code: number): boolean {
  return code > 0x20 && code < 0x7f;
}

/** Cuts to at most `maxBytes` of UTF-8, on a character boundary. What was cut is marked by a final `...`. */
export function cutToBytes(value: string, maxBytes: number): string {
  if (value.length * 3 <= maxBytes) return value;
  const bytes = Buffer.from(value, 'utf8');
  if (bytes.length <= maxBytes) return value;
  let end = maxBytes - ELLIPSIS.length;
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return trim(bytes.toString('utf8', 0, end)) + ELLIPSIS;
}

/** One line of graphic characters: every run of white space and of anything unprintable becomes one space. */
export function toOneLine(value: string, maxBytes: number): string {
  if (value.length <= maxBytes && PRINTABLE_WORDS.test(value)) return value;
  // A character is at most four bytes and at least one, so nothing beyond this could survive the cut.
  const head = value.length > maxBytes * 4 ? value.slice(0, maxBytes * 4) : value;
  return cutToBytes(head.replace(NOT_GRAPHIC, ' ').trim(), maxBytes);
}
