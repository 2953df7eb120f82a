import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Readable, type Transform } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { AppError } from '../../errors.ts';
import { systemCode } from '../../files.ts';

/** Something to import from. */
export interface ImportSource {
  /** How it is called in messages. */
  readonly name: string;
  /** Bytes that there are to read, as they lie there; null when nobody knows. */
  readonly size: number | null;
  /** Whether it can be read more than once. */
  readonly again: boolean;
  /** Its bytes as they lie there. */
  open(): AsyncIterable<Uint8Array>;
}

/** Larger ones each come from the system anew, page by page. */
const CHUNK_BYTES = 64 * 1024;

/** A regular file can be read twice; a pipe with a name only once. Throws AppError. */
export async function fileSource(path: string, name = path): Promise<ImportSource> {
  let isFile: boolean;
  let size: number;
  try {
    const found = await stat(path);
    if (found.isDirectory()) throw new AppError('import_unreadable', { detail: `${name} is a directory` });
    isFile = found.isFile();
    ({ size } = found);
  } catch (error) {
    throw unreadable(name, error);
  }
  return {
    name,
    size: isFile ? size : null,
    again: isFile,
    open: () => createReadStream(path, { highWaterMark: CHUNK_BYTES }),
  };
}

export function streamSource(stream: AsyncIterable<Uint8Array>, name: string): ImportSource {
  return { name, size: null, again: false, open: () => stream };
}

export function unreadable(name: string, error: unknown): AppError {
  if (error instanceof AppError) return error;
  const code = systemCode(error);
  const why = code === 'ENOENT' ? 'there is no such file' : code || String(error);
  return new AppError('import_unreadable', { detail: `${name}: ${why}`, cause: error });
}

/** The content of a source: unpacked where it is gzip or zstd, whatever it is called. `onBytes` counts what was read. */
export async function* contentOf(
  source: ImportSource,
  onBytes: (count: number) => void,
): AsyncGenerator<Buffer, void, undefined> {
  const counted = counting(source, onBytes);
  const { head, rest } = await beginning(counted);
  const unpack = unpackerOf(head);
  if (unpack === null) {
    yield* rest;
    return;
  }
  const packed = Readable.from(rest, { objectMode: false });
  packed.once('error', (error) => unpack.destroy(error));
  packed.pipe(unpack);
  try {
    for await (const chunk of unpack) yield asBuffer(chunk);
  } catch (error) {
    if (error instanceof AppError) throw error;
    const broken = systemCode(error) === 'Z_BUF_ERROR' ? 'it breaks off' : 'it cannot be unpacked';
    throw new AppError('import_unreadable', {
      detail: `${source.name}: ${broken} (${systemCode(error) || 'damaged'})`,
      cause: error,
    });
  } finally {
    packed.destroy();
    unpack.destroy();
  }
}

async function* counting(
  source: ImportSource,
  onBytes: (count: number) => void,
): AsyncGenerator<Buffer, void, undefined> {
  try {
    for await (const chunk of source.open()) {
      onBytes(chunk.length);
      yield asBuffer(chunk);
    }
  } catch (error) {
    throw unreadable(source.name, error);
  }
}

/** At least the four bytes that tell how a file is packed, and the whole. */
async function beginning(
  chunks: AsyncGenerator<Buffer, void, undefined>,
): Promise<{ head: Buffer; rest: AsyncGenerator<Buffer, void, undefined> }> {
  let head: Buffer = Buffer.alloc(0);
  while (head.length < 4) {
    const next = await chunks.next();
    if (next.done) break;
    head = head.length === 0 ? next.value : Buffer.concat([head, next.value]);
  }
  async function* rest(): AsyncGenerator<Buffer, void, undefined> {
    if (head.length > 0) yield head;
    yield* chunks;
  }
  return { head, rest: rest() };
}

function unpackerOf(head: Buffer): Transform | null {
  if (head[0] === 0x1f && head[1] === 0x8b) return createGunzip({ chunkSize: CHUNK_BYTES });
  const isZstd = head.length >= 4 && head.readUInt32LE(0) === 0xfd2fb528;
  return isZstd ? createZstdDecompress({ chunkSize: CHUNK_BYTES }) : null;
}

function asBuffer(chunk: Uint8Array): Buffer {
  return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
}
