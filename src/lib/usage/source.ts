import { holdsKey } from './redact.ts';
import { trim } from './text.ts';

const SHORT = 12;
/** No address, project or file name is longer. */
const LONGEST_SHOWN = 512;
const MASKED_KEY = /^m:(?:\*{4}|.{4}\.{3}.{4})$/su;
const MASKED_EMAIL = /^[^@\s]{1,3}\*{3}@[^@\s]+$/u;
const DOMAIN = /^[a-z0-9-]+(?:\.[a-z0-9-]+)+$/i;
const FILE_NAME = /^[\w][\w.+-]{0,120}\.(?:json|ya?ml|toml)$/;
/** The form that Google demands of project ids. */
const PROJECT_ID = /^[a-z][a-z0-9-]{4,28}[a-z0-9]$/;
const KEY_CHARACTERS = /^[\w.+/=~-]+$/;
const PROJECT_AUTH = new Set(['oauth', 'vertex', 'service_account', 'service-account']);
const KEY_WORDS = new Set(['key', 'apikey', 'secret', 'token', 'sk', 'pk', 'rk', 'sess', 'bearer']);

/**
 * What may be shown of the place a request was billed to. CLIProxyAPI puts an account's e-mail, a project, a file
 * or the provider's key in clear into the same field, so anything not plainly one of the first three is masked:
 * `m:` + first 4 + `...` + last 4 characters, `m:****` up to 12. E-mails keep three characters and the domain.
 * `keys` are those that the same record carries: a source that holds one of them is a key, whatever it looks like.
 */
export function maskSource(raw: string, authType: string, keys: readonly string[]): string {
  const source = trim(raw);
  if (source === '' || MASKED_KEY.test(source)) return source;
  if (source.length > LONGEST_SHOWN) return maskKey(source);
  if (keys.some((key) => source.includes(key))) return maskKey(source);
  const auth = authType.toLowerCase();
  if (MASKED_EMAIL.test(source) && isDomain(source.slice(source.indexOf('@') + 1))) return source;
  if (auth === 'apikey' || holdsKey(source)) return maskKey(source);
  if (source.includes('@')) return maskEmail(source);
  if (FILE_NAME.test(source) && !looksRandom(source)) return source;
  if (PROJECT_AUTH.has(auth) && PROJECT_ID.test(source) && !looksRandom(source)) return source;
  return maskKey(source);
}

/** `m:` + first 4 + `...` + last 4 characters, or `m:****` up to 12. */
export function maskKey(key: string): string {
  const long = key.length > LONGEST_SHOWN;
  const head = Array.from(long ? key.slice(0, LONGEST_SHOWN) : key);
  if (head.length <= SHORT) return 'm:****';
  const tail = long ? Array.from(key.slice(-LONGEST_SHOWN)) : head;
  return `m:${head.slice(0, 4).join('')}...${tail.slice(-4).join('')}`;
}

/**
 * The name of an account, masked where it is a key that somebody used as one: 30 or more characters without a space
 * or `@`, with a long run of letters and digits mixed in it. UUIDs, by which accounts are known too, stay.
 */
export function maskAccount(name: string): string {
  return isKeyLike(name) ? maskKey(name) : name;
}

export function isKeyLike(name: string): boolean {
  return name.length >= 30 && KEY_CHARACTERS.test(name) && looksRandom(name);
}

function maskEmail(source: string): string {
  const at = source.indexOf('@');
  const domain = source.slice(at + 1);
  if (at === 0 || !isDomain(domain)) return maskKey(source);
  return `${Array.from(source.slice(0, at)).slice(0, 3).join('')}***@${domain}`;
}

function isDomain(text: string): boolean {
  return text.length <= 253 && DOMAIN.test(text);
}

// Words of people are short or hold no digits; keys are long runs of letters and digits mixed, or say what they are.
function looksRandom(name: string): boolean {
  return name.split(/[-_.+/=~]/).some((part) => {
    if (KEY_WORDS.has(part.toLowerCase())) return true;
    const mixed = /\d/.test(part) && /[A-Za-z]/.test(part);
    return part.length > 24 || (mixed && part.length > 12);
  });
}
