import { createCipheriv, createDecipheriv } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { SecretBox } from '../../../lib/contract/secrets.ts';

/**
 * A segment on disk. All numbers are little-endian.
 *
 *     header  magic 8 | version u32 | salt 16 | created f64 epoch ms | crc32 of these u32 | key check 16
 *     frame   length u32 | seq u32 | records u32 | from f64 | to f64 | crc32 of these u32 | ciphertext | tag 16
 *
 * `from` and `to` are the earliest and latest `receivedAtMs` of the frame: what a gap needs to know of a frame that
 * cannot be opened any more. The key is the segment's own (from its salt), and a number is written once under it, so
 * the frame's number can be its nonce. The key check is the tag of an empty text with the header as associated data: it
 * tells a foreign data key from a damaged frame.
 */
export const HEADER_BYTES = 56;
export const FRAME_HEADER_BYTES = 32;
export const TAG_BYTES = 16;
export const SALT_BYTES = 16;
/** What a frame takes on disk beyond its plaintext. */
export const FRAME_OVERHEAD = FRAME_HEADER_BYTES + TAG_BYTES;

const MAGIC = Buffer.from('cpampspl', 'latin1');
const VERSION = 1;
const HEADER_CRC_AT = 36;
const KEY_CHECK_AT = 40;
const FRAME_CRC_AT = 28;
const CIPHER = 'aes-256-gcm';
/** No frame has this nonce: theirs begin with eight zero bytes. */
const KEY_CHECK_NONCE = Buffer.alloc(12, 0xff);

export type SegmentHeader =
  | { readonly kind: 'ok'; readonly createdMs: number; readonly key: Buffer }
  | { readonly kind: 'foreign'; readonly createdMs: number }
  | { readonly kind: 'damaged'; readonly detail: string };

export interface FrameInfo {
  readonly seq: number;
  /** Records in the frame. */
  readonly count: number;
  /** Epoch ms, earliest and latest `receivedAtMs`. */
  readonly fromMs: number;
  readonly toMs: number;
}

export interface FrameHeader extends FrameInfo {
  /** Bytes of the whole frame: header, ciphertext and tag. */
  readonly size: number;
}

function keyCheck(key: Buffer, header: Buffer): Buffer {
  const cipher = createCipheriv(CIPHER, key, KEY_CHECK_NONCE);
  cipher.setAAD(header.subarray(0, KEY_CHECK_AT));
  cipher.final();
  return cipher.getAuthTag();
}

export function encodeSegmentHeader(key: Buffer, salt: Uint8Array, createdMs: number): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  MAGIC.copy(header);
  header.writeUInt32LE(VERSION, 8);
  header.set(salt, 12);
  header.writeDoubleLE(createdMs, 28);
  header.writeUInt32LE(crc32(header.subarray(0, HEADER_CRC_AT)), HEADER_CRC_AT);
  keyCheck(key, header).copy(header, KEY_CHECK_AT);
  return header;
}

export function readSegmentHeader(bytes: Buffer, box: Pick<SecretBox, 'spoolKey'>): SegmentHeader {
  if (bytes.length < HEADER_BYTES) return { kind: 'damaged', detail: 'the header is incomplete' };
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) {
    return { kind: 'damaged', detail: 'this is not a spool segment' };
  }
  if (crc32(bytes.subarray(0, HEADER_CRC_AT)) !== bytes.readUInt32LE(HEADER_CRC_AT)) {
    return { kind: 'damaged', detail: 'the header is damaged' };
  }
  const version = bytes.readUInt32LE(8);
  if (version !== VERSION) return { kind: 'damaged', detail: `format ${version} is not known here` };
  const createdMs = bytes.readDoubleLE(28);
  const key = box.spoolKey(bytes.subarray(12, 12 + SALT_BYTES));
  const check = bytes.subarray(KEY_CHECK_AT, HEADER_BYTES);
  return keyCheck(key, bytes).equals(check) ? { kind: 'ok', createdMs, key } : { kind: 'foreign', createdMs };
}

function nonce(seq: number): Buffer {
  const bytes = Buffer.alloc(12);
  bytes.writeUInt32BE(seq, 8);
  return bytes;
}

/** Binds a frame to its place: the segment's name, its own number, length, count and times. */
function associated(id: string, header: Buffer): Buffer {
  return Buffer.concat([Buffer.from(id, 'latin1'), header.subarray(0, FRAME_CRC_AT)]);
}

/** One frame as the pieces to write one after the other. */
export function sealFrame(key: Buffer, id: string, info: FrameInfo, plain: Buffer): Buffer[] {
  const header = Buffer.alloc(FRAME_HEADER_BYTES);
  header.writeUInt32LE(plain.length, 0);
  header.writeUInt32LE(info.seq, 4);
  header.writeUInt32LE(info.count, 8);
  header.writeDoubleLE(info.fromMs, 12);
  header.writeDoubleLE(info.toMs, 20);
  header.writeUInt32LE(crc32(header.subarray(0, FRAME_CRC_AT)), FRAME_CRC_AT);
  const cipher = createCipheriv(CIPHER, key, nonce(info.seq));
  cipher.setAAD(associated(id, header));
  const body = cipher.update(plain);
  cipher.final();
  return [header, body, cipher.getAuthTag()];
}

/** The frame header at `offset`, or `null` when there is none that is whole. Says nothing about the bytes after it. */
export function readFrameHeader(bytes: Buffer, offset: number): FrameHeader | null {
  if (offset + FRAME_HEADER_BYTES > bytes.length) return null;
  const crc = bytes.readUInt32LE(offset + FRAME_CRC_AT);
  if (crc32(bytes.subarray(offset, offset + FRAME_CRC_AT)) !== crc) return null;
  return {
    size: bytes.readUInt32LE(offset) + FRAME_OVERHEAD,
    seq: bytes.readUInt32LE(offset + 4),
    count: bytes.readUInt32LE(offset + 8),
    fromMs: bytes.readDoubleLE(offset + 12),
    toMs: bytes.readDoubleLE(offset + 20),
  };
}

/** Plaintext of the frame that `bytes` is, from its header to its tag; `null` when the tag does not fit. */
export function openFrame(key: Buffer, id: string, bytes: Buffer, seq: number): Buffer | null {
  const decipher = createDecipheriv(CIPHER, key, nonce(seq), { authTagLength: TAG_BYTES });
  decipher.setAAD(associated(id, bytes.subarray(0, FRAME_HEADER_BYTES)));
  decipher.setAuthTag(bytes.subarray(bytes.length - TAG_BYTES));
  const plain = decipher.update(bytes.subarray(FRAME_HEADER_BYTES, bytes.length - TAG_BYTES));
  try {
    decipher.final();
  } catch {
    return null;
  }
  return plain;
}
