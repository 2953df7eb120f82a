import { randomBytes } from 'node:crypto';

/** Crockford's base 32 in the order of its values, which is also the order of its characters. */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const TIME_CHARS = 10;
const LENGTH = 26;

/** A ULID as we write them: 26 characters, upper case, 48 bits of time and 80 of chance. */
export function isUlid(text: string): boolean {
  return /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/.test(text);
}

/** Epoch ms in the first ten characters. */
export function ulidTime(id: string): number {
  let ms = 0;
  for (const char of id.slice(0, TIME_CHARS)) ms = ms * 32 + ALPHABET.indexOf(char);
  return ms;
}

function fresh(nowMs: number): string {
  let time = '';
  for (let left = Math.max(0, Math.floor(nowMs)), n = 0; n < TIME_CHARS; n += 1) {
    time = ALPHABET.charAt(left % 32) + time;
    left = Math.floor(left / 32);
  }
  let chance = '';
  for (const byte of randomBytes(LENGTH - TIME_CHARS)) chance += ALPHABET.charAt(byte % 32);
  return time + chance;
}

/** The next larger ULID: one more in the last place, carried where it overflows. */
function successor(id: string): string {
  const chars = id.split('');
  for (let at = chars.length - 1; at >= 0; at -= 1) {
    const value = ALPHABET.indexOf(chars[at] ?? '0');
    chars[at] = ALPHABET.charAt((value + 1) % 32);
    if (value < 31) break;
  }
  return chars.join('');
}

/**
 * Makes ULIDs that only ever grow, whatever the wall clock does. A new segment that sorted before the stored position
 * would count as stored already, so every id known from earlier runs must be shown to `seen` first.
 */
export class UlidSource {
  #last = '';

  seen(id: string): void {
    if (id > this.#last) this.#last = id;
  }

  next(nowMs: number): string {
    const id = fresh(nowMs);
    this.#last = id > this.#last ? id : successor(this.#last);
    return this.#last;
  }
}
