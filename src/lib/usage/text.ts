const PRINTABLE_WORDS = /^[!-~]+(?: [!-~]+)*$/;
// Control, format, unassigned and separator characters: whatever a terminal or a log line should not receive raw.
const NOT_GRAPHIC = /[\p{C}\p{Z}\s]+/gu;
const ELLIPSIS = '...';

/**
 * Trims white space as Go does, because the hash of an event is taken over text that CLIProxyAPI's companions
 * trimmed that way: U+0085 is space there, U+FEFF is not. Looks at no character but those it takes away and the two
 * that stop it: a pattern that is tied to the end would try every run of inner space again, from each of its spaces.
 */
export function trim(value: string): string {
  let start = 0;
  let end = value.length;
  while (start < end && isGoSpace(value.charCodeAt(start))) start += 1;
  while (end > start && isGoSpace(value.charCodeAt(end - 1))) end -= 1;
  return end - start === value.length ? value : value.slice(start, end);
}

/** Go's `unicode.IsSpace`, by UTF-16 code; there is no white space beyond the basic plane. */
function isGoSpace(code: number): boolean {
  if (code < 0x7f) return code === 0x20 || (code >= 0x09 && code <= 0x0d);
  if (code < 0x1680) return code === 0x85 || code === 0xa0;
  if (code >= 0x2000 && code <= 0x200a) return true;
  return (
    code === 0x1680 ||
    code === 0x2028 ||
    code === 0x2029 ||
    code === 0x202f ||
    code === 0x205f ||
    code === 0x3000
  );
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
