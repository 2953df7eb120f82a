import { asObject, text, type JsonObject } from './readers.ts';

/**
 * The secrets that a record names itself. Wherever else they turn up in it (an upstream likes to quote the key it
 * refused), they are taken out, whatever they look like.
 */
export interface KnownSecrets {
  /** For texts written by others: failures, headers, user agents. */
  readonly inTexts: readonly string[];
  /** For names. Fewer, because people do choose `codex` as a key, and a model's name must survive that. */
  readonly inNames: readonly string[];
}

/** Names of secrets, in lower case and without `-` and `_`. */
const SECRET_NAMES: ReadonlySet<string> = new Set(
  `
  apikey xapikey xgoogapikey key authorization proxyauthorization token secret password passwd passphrase
  cookie setcookie accesstoken refreshtoken idtoken sessiontoken authtoken xauthtoken jwt credential credentials
  sessionkey privatekey managementkey xmanagementkey clientsecret secretkey accesskey secretaccesskey
  `
    .trim()
    .split(/\s+/),
);
/** Lets nearly every name pass without being written anew. */
const SECRET_WORD = /key|auth|token|secret|pass|cookie|jwt|credential/i;
/** Names that are ordinary words below the top level: what they hold there counts only where it looks like a key. */
const AMBIGUOUS: ReadonlySet<string> = new Set(['key', 'token', 'credential', 'credentials']);
const SCHEME = /^(?:bearer|basic|token)\s+/i;
const MIN_IN_TEXTS = 6;
const MIN_IN_NAMES = 12;
const SURE_IN_NAMES = 16;
/** Longer ones are looked for piece by piece: searching takes time in proportion to the length. */
const PIECE = 4096;
const MAX_KEYS = 32;
const MAX_DEPTH = 6;
const MAX_NESTED = 500;

/**
 * The keys, the client's and others, that the record carries in clear: at its top, and within bounds at any level
 * below, lists and headers included.
 */
export function ownKeys(record: JsonObject): readonly string[] {
  const search = new KeySearch();
  for (const name in record) search.look(record[name], name, 0);
  search.lookBelow();
  return [...search.found];
}

/** Level by level, so that a deep branch does not use up the bounds before the others had their turn. */
class KeySearch {
  readonly found = new Set<string>();
  readonly #pending: Array<{ readonly object: JsonObject; readonly depth: number }> = [];
  #nested = 0;

  look(value: unknown, name: string, depth: number): void {
    if (typeof value === 'string' || (typeof value === 'number' && depth === 0)) {
      if (SECRET_WORD.test(name)) collect(this.found, name, text(value), depth);
    } else if (typeof value === 'object' && depth < MAX_DEPTH) {
      const object = asObject(value);
      if (object) this.#pending.push({ object, depth: depth + 1 });
      else if (Array.isArray(value)) this.#lookInList(value, name, depth + 1);
    }
  }

  lookBelow(): void {
    for (const { object, depth } of this.#pending) {
      for (const name in object) {
        if ((this.#nested += 1) > MAX_NESTED) return;
        this.look(object[name], name, depth);
      }
    }
  }

  #lookInList(list: readonly unknown[], name: string, depth: number): void {
    for (const item of list) {
      if ((this.#nested += 1) > MAX_NESTED) return;
      this.look(item, name, depth);
    }
  }
}

function collect(found: Set<string>, name: string, secret: string, depth: number): void {
  if (secret.length < MIN_IN_TEXTS) return;
  const plain = name.toLowerCase().replaceAll(/[-_]/g, '');
  if (!SECRET_NAMES.has(plain) || (depth > 0 && AMBIGUOUS.has(plain) && !isSureInNames(secret))) return;
  for (const written of new Set([secret, secret.replace(SCHEME, '')])) {
    for (let at = 0; at < written.length && found.size < MAX_KEYS; at += PIECE) {
      const piece = written.slice(at, at + PIECE);
      if (piece.length >= MIN_IN_TEXTS) found.add(piece);
    }
  }
}

/** `maskedSource` is the raw source where it had to be masked, '' where it may be shown. */
export function knownSecrets(keys: readonly string[], maskedSource: string): KnownSecrets {
  const source = maskedSource.slice(0, PIECE);
  const found = source.length >= MIN_IN_TEXTS ? [source, ...keys] : keys;
  const inTexts = found.toSorted((a, b) => b.length - a.length);
  return { inTexts, inNames: inTexts.filter(isSureInNames) };
}

function isSureInNames(secret: string): boolean {
  return secret.length >= SURE_IN_NAMES || (secret.length >= MIN_IN_NAMES && /\d/.test(secret));
}
