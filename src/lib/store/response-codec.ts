import { deflateRawSync, inflateRawSync } from 'node:zlib';
import type { ResponseMetadata } from '../contract/event.ts';
import { CURRENT_DICTIONARY, DICTIONARIES } from './response-dictionary.ts';

/** First byte of a value: the number of the dictionary, or this one for plain UTF-8. */
const PLAIN = 0;

/** Small buffers: setting deflate up costs more than deflating these few hundred bytes. */
const DEFLATE = { level: 6, windowBits: 12, memLevel: 5, chunkSize: 1024 } as const;

/** What the row holds anyway, and what a value is packed against. */
export interface ResponseContext {
  readonly timestampMs: number;
  readonly traceId: string;
}

// JSON text has no raw control characters, so these marks stand for nothing else.
const TRACE_MARK = '\u0001';
const TIME_MARK = '\u0002';
const TIME_END = '\u0003';
/** Times of the years 2001 to 2286 in milliseconds. A leading zero, which a text can have, would not come back. */
const TIME = /:([1-9]\d{12})(?=[,}\]])/g;
const MARKED_TIME = new RegExp(`${TIME_MARK}(-?[0-9a-z]+)${TIME_END}`, 'g');

/** Response metadata as bytes for the row; null for null. */
export function packResponse(metadata: ResponseMetadata | null, context: ResponseContext): Buffer | null {
  return metadata === null ? null : packMarked(markResponse(metadata, context));
}

/** The quick half of packing: what the row holds anyway is taken out of the text. */
export function markResponse(metadata: ResponseMetadata, context: ResponseContext): string {
  let text = JSON.stringify(metadata);
  if (context.traceId.length >= 4) text = text.replaceAll(context.traceId, TRACE_MARK);
  return text.replaceAll(TIME, (_, ms: string) => {
    return `:${TIME_MARK}${(Number(ms) - context.timestampMs).toString(36)}${TIME_END}`;
  });
}

/** The slow half, which needs nothing but the text. */
export function packMarked(text: string): Buffer {
  const plain = Buffer.from(text, 'utf8');
  const dictionary = DICTIONARIES.get(CURRENT_DICTIONARY);
  const deflated = deflateRawSync(plain, dictionary ? { ...DEFLATE, dictionary } : DEFLATE);
  return deflated.length < plain.length
    ? Buffer.concat([Buffer.of(CURRENT_DICTIONARY), deflated])
    : Buffer.concat([Buffer.of(PLAIN), plain]);
}

/** The way back. Throws when the bytes are not a value of ours or name a dictionary that this program lacks. */
export function unpackResponse(stored: Uint8Array | null, context: ResponseContext): ResponseMetadata | null {
  if (stored === null) return null;
  const value: unknown = JSON.parse(unpackText(stored, context));
  if (!isMetadata(value)) throw new Error('stored response metadata is not an object');
  return value;
}

function unpackText(stored: Uint8Array, context: ResponseContext): string {
  const number = stored[0] ?? PLAIN;
  const body = stored.subarray(1);
  let bytes: Uint8Array = body;
  if (number !== PLAIN) {
    const dictionary = DICTIONARIES.get(number);
    if (!dictionary) throw new Error(`response metadata needs dictionary ${number}`);
    bytes = inflateRawSync(body, { windowBits: DEFLATE.windowBits, chunkSize: 2048, dictionary });
  }
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    .toString('utf8')
    .replaceAll(MARKED_TIME, (_, delta: string) => String(context.timestampMs + parseInt(delta, 36)))
    .replaceAll(TRACE_MARK, () => context.traceId);
}

function isMetadata(value: unknown): value is ResponseMetadata {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
