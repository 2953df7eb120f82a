import type BetterSqlite3 from 'better-sqlite3';
import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto';
import type { RejectReason } from '../contract/event.ts';
import type { RawRecord } from '../contract/record.ts';
import type { SecretBox } from '../contract/secrets.ts';
import { whole } from './sound-event.ts';
import { namedValueRedactor, REDACTED } from '../usage/named-values.ts';
import type { Db } from './sqlite.ts';

const SALT_BYTES = 16;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Longest excerpt, in characters. */
const EXCERPT_CHARS = 400;

/** The key of one letter from the salt that stands in front of it; {@link SecretBox} has it. */
export type LetterKeys = Pick<SecretBox, 'letterKey'>;

/** salt, nonce, AES-256-GCM ciphertext, tag. */
function sealLetter(keys: LetterKeys, original: Uint8Array): Buffer {
  const salt = randomBytes(SALT_BYTES);
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', keys.letterKey(salt), nonce);
  return Buffer.concat([salt, nonce, cipher.update(original), cipher.final(), cipher.getAuthTag()]);
}

/** The original of a letter. Throws when the key is another one or the bytes are damaged. */
export function openLetter(keys: LetterKeys, sealed: Buffer): Buffer {
  const body = sealed.subarray(SALT_BYTES + NONCE_BYTES, -TAG_BYTES);
  const nonce = sealed.subarray(SALT_BYTES, SALT_BYTES + NONCE_BYTES);
  const decipher = createDecipheriv('aes-256-gcm', keys.letterKey(sealed.subarray(0, SALT_BYTES)), nonce, {
    authTagLength: TAG_BYTES,
  }).setAuthTag(sealed.subarray(-TAG_BYTES));
  return Buffer.concat([decipher.update(body), decipher.final()]);
}

/** Runs of characters that could be a key, where letters and digits are mixed in them. */
const RUN = /[\w+/=.-]{12,}/g;
/**
 * Members that hold keys or accounts in a gateway's record, quoted in any way or not at all: a record that was
 * encoded twice, or by a program that writes single quotes, is what comes here.
 */
const redactMembers = namedValueRedactor({
  sure: 'source|api_?key|key|account|email|authorization|cookie|token|secret|password',
  word: '(?!)',
  member: '(?!)',
});

/**
 * The start of a record for people to look at. What could not be parsed cannot be redacted by its fields, so
 * everything that looks like a key goes, at the price of ids and digests.
 */
export function excerpt(payload: Uint8Array, redact: (text: string) => string): string {
  const text = Buffer.from(payload.buffer, payload.byteOffset, Math.min(payload.length, 4 * EXCERPT_CHARS))
    .toString('utf8')
    .replaceAll(/[\p{Cc}\p{Cf}\uFFFD]+/gu, ' ');
  return redactMembers(redact(text))
    .replaceAll(RUN, (run) => (/\d/.test(run) && /[A-Za-z]/.test(run) ? REDACTED : run))
    .slice(0, EXCERPT_CHARS);
}

/** Why a record did not become an event. */
export interface Rejection {
  readonly reason: RejectReason;
  readonly detail: string;
}

/** Keeps the records that could not be understood, until a later version can. Inside the caller's transaction. */
export class DeadLetters {
  readonly #insert: BetterSqlite3.Statement<Array<number | bigint | string | Buffer | null>>;
  readonly #keys: LetterKeys | null;
  readonly #redact: (text: string) => string;

  /** Without keys (data.key is missing) only the excerpt is kept: nothing is stored in clear. */
  constructor(db: Db, keys: LetterKeys | null, redact: (text: string) => string) {
    this.#keys = keys;
    this.#redact = redact;
    this.#insert = db.prepare(
      `INSERT INTO dead_letter
         (gateway_id, received_at_ms, transport, reason, detail, length, excerpt, digest, original)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (received_at_ms, digest, gateway_id) DO NOTHING`,
    );
  }

  /** False when the letter is there already. */
  insert(record: RawRecord, { reason, detail }: Rejection): boolean {
    const result = this.#insert.run(
      whole(record.gatewayId),
      whole(record.receivedAtMs),
      record.transport,
      reason,
      this.#redact(detail),
      whole(record.truncatedFrom ?? record.payload.length),
      excerpt(record.payload, this.#redact),
      this.#digest(record.payload),
      this.#keys === null ? null : sealLetter(this.#keys, record.payload),
    );
    return result.changes === 1;
  }

  /** Keyed, so that nobody can try keys against it; without a key the same bytes are still recognised. */
  #digest(payload: Uint8Array): bigint {
    const key = this.#keys?.letterKey(Buffer.from('cpamp-letter-digest')) ?? Buffer.alloc(32);
    return createHmac('sha256', key).update(payload).digest().readBigInt64BE(0);
  }
}
