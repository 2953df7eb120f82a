import { createReadStream } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { Readable, Transform, Writable, type Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { constants, createGunzip, createGzip, createZstdCompress, createZstdDecompress } from 'node:zlib';
import { Pack, Parser, type ReadEntry } from 'tar';
import { AppError } from '../../errors.ts';
import { systemCode } from '../../files.ts';
import type { BackupFormat } from './names.ts';

export type ArchiveFormat = Exclude<BackupFormat, 'directory'>;

/** One thing in an archive, before its bytes were read. */
export interface ArchiveEntry {
  /** As it is written there: never a path to write to. */
  readonly path: string;
  readonly kind: 'file' | 'directory' | 'other';
  readonly bytes: number;
}

/** Takes the bytes of an entry, which are read whether it takes them or not; `null` skips them. */
export type EntryReader = (entry: ArchiveEntry) => ((bytes: AsyncIterable<Buffer>) => Promise<void>) | null;

/**
 * So much may come out of a byte before it counts as a trap, once a gibibyte came out. Databases of ours shrink to a
 * fifth, and an empty one to a hundredth.
 */
export interface UnpackLimits {
  readonly mostRatio: number;
  /** Bytes. */
  readonly ratioFrom: number;
}

const LIMITS: UnpackLimits = { mostRatio: 250, ratioFrom: 1024 ** 3 };
const CHUNK = 256 * 1024;

/**
 * Packs `names`, files and folders below `folder`, in their order into the new file `path` (0600) and syncs it. In the
 * archive they lie in a folder called `prefix`. Rejects with the system's errors and the signal's reason.
 */
export async function pack(
  path: string,
  format: ArchiveFormat,
  folder: string,
  prefix: string,
  names: readonly string[],
  signal: AbortSignal,
  onBytes: (packed: number) => void,
): Promise<void> {
  const packer = new Pack({ cwd: folder, prefix, portable: true, strict: true, maxReadSize: CHUNK });
  for (const name of names) packer.add(name);
  packer.end();
  let packed = 0;
  const counter = new Transform({
    transform: (chunk: Buffer, _encoding, done) => {
      packed += chunk.length;
      onBytes(packed);
      done(null, chunk);
    },
  });
  const file = await open(path, 'wx', 0o600);
  try {
    await file.chmod(0o600);
    const stages: Duplex[] = [counter, ...packerOf(format)];
    await pipeline([Readable.from(packer), ...stages, writerTo(file)], { signal });
    await file.sync();
  } finally {
    await file.close();
  }
}

function packerOf(format: ArchiveFormat): Duplex[] {
  if (format === 'tar') return [];
  if (format === 'tar.gz') return [createGzip({ level: 6 })];
  // The checksum notices a flipped bit where the unpacker itself would not.
  const { ZSTD_c_compressionLevel: level, ZSTD_c_checksumFlag: checksum } = constants;
  return [createZstdCompress({ params: { [level]: 6, [checksum]: 1 } })];
}

function writerTo(file: FileHandle): Writable {
  return new Writable({
    highWaterMark: CHUNK,
    write: (chunk: Buffer, _encoding, done) => {
      finish(file.writeFile(chunk), done);
    },
  });
}

/**
 * Reads a tar archive, packed or not, from its beginning to its end, and hands its entries over one after the other.
 * Rejects with `backup_damaged` where it breaks off or cannot be read, with `backup_unusable` for what is no archive,
 * with what a reader rejects with, and with the signal's reason.
 */
export async function readArchive(
  path: string,
  reader: EntryReader,
  signal: AbortSignal,
  onBytes: (read: number) => void = () => {},
  { mostRatio, ratioFrom }: UnpackLimits = LIMITS,
): Promise<void> {
  const unpack = await unpackerOf(path);
  const parser = new Parser({ strict: true, maxDecompressionRatio: Infinity });
  const run = new EntryRun(parser, reader);
  let read = 0;
  let out = 0;
  const counter = new Transform({
    transform: (chunk: Buffer, _encoding, done) => {
      read += chunk.length;
      onBytes(read);
      done(null, chunk);
    },
  });
  const guard = new Transform({
    transform: (chunk: Buffer, _encoding, done) => {
      out += chunk.length;
      if (out > ratioFrom && out > read * mostRatio) {
        done(new AppError('backup_damaged', { detail: `${path} unpacks to an absurd size` }));
      } else done(null, chunk);
    },
  });
  try {
    await pipeline(
      [createReadStream(path, { highWaterMark: CHUNK }), counter, ...unpack, guard, run.sink()],
      { signal },
    );
    run.finish(path);
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (error instanceof AppError || isSystem(error)) throw error;
    const detail = `${path} (${error instanceof Error ? error.message : String(error)})`;
    throw new AppError('backup_damaged', { detail, cause: error });
  }
}

/** An error of the disk, not of the bytes. */
function isSystem(error: unknown): boolean {
  return /^E[A-Z]+$/.test(systemCode(error));
}

const MAGIC_GZIP = '1f8b';
const MAGIC_ZSTD = '28b52ffd';

async function unpackerOf(path: string): Promise<Duplex[]> {
  const head = Buffer.alloc(512);
  const file = await open(path, 'r');
  let length: number;
  try {
    ({ bytesRead: length } = await file.read(head, 0, head.length, 0));
  } finally {
    await file.close();
  }
  const start = head.subarray(0, length).toString('hex');
  if (start.startsWith(MAGIC_GZIP)) return [createGunzip()];
  if (start.startsWith(MAGIC_ZSTD)) return [createZstdDecompress()];
  // Offset 257 of the first header, in every form of tar since POSIX.1-1988.
  if (head.toString('latin1', 257, 262) === 'ustar') return [];
  throw new AppError('backup_unusable', { detail: `${path} is no tar archive, plain or packed` });
}

/** The entries of an archive, one at a time, with what is done with each. */
class EntryRun {
  readonly #parser: Parser;
  #error: unknown = null;
  #sawEnd = false;
  #entries = 0;
  readonly #work: Array<Promise<void>> = [];

  constructor(parser: Parser, reader: EntryReader) {
    this.#parser = parser;
    parser.on('warn', (_code: string, message: string | Error) => this.#fail(message));
    parser.on('error', (error: unknown) => this.#fail(error));
    parser.on('eof', () => {
      this.#sawEnd = true;
    });
    // Links and devices are entries as well; what no entry can be made of is told of in an event of its own.
    parser.on('ignoredEntry', (entry: ReadEntry) => entry.resume());
    parser.on('entry', (entry: ReadEntry) => {
      this.#entries += 1;
      const take = this.#error === null ? this.#ask(reader, entry) : null;
      if (take === null) {
        entry.resume();
        return;
      }
      const done = take(bytesOf(entry)).catch((error: unknown) => {
        this.#fail(error);
        entry.resume();
      });
      this.#work.push(done);
    });
  }

  sink(): Writable {
    return new Writable({
      highWaterMark: CHUNK,
      write: (chunk: Buffer, _encoding, done) => {
        if (this.#error !== null) done(asError(this.#error));
        else if (this.#parser.write(chunk)) done(this.#error === null ? null : asError(this.#error));
        else {
          // It waits for room, or for a fault that lets nothing go on.
          const go = (): void => {
            this.#parser.off('drain', go);
            this.#parser.off('error', go);
            done(this.#error === null ? null : asError(this.#error));
          };
          this.#parser.once('drain', go);
          this.#parser.once('error', go);
        }
      },
      final: (done) => {
        this.#parser.end();
        finish(this.#settled(), done);
      },
    });
  }

  async #settled(): Promise<void> {
    await Promise.all(this.#work);
    if (this.#error !== null) throw asError(this.#error);
  }

  /** Throws where the end of the archive is missing. */
  finish(path: string): void {
    if (this.#entries === 0) throw new AppError('backup_unusable', { detail: `${path} is empty` });
    if (!this.#sawEnd) throw new AppError('backup_damaged', { detail: `${path} breaks off` });
  }

  #ask(reader: EntryReader, entry: ReadEntry): ReturnType<EntryReader> {
    try {
      return reader({ path: entry.path, kind: kindOf(entry), bytes: entry.size });
    } catch (error) {
      this.#fail(error);
      return null;
    }
  }

  #fail(error: unknown): void {
    this.#error ??= error;
  }
}

function kindOf(entry: ReadEntry): ArchiveEntry['kind'] {
  if (entry.type === 'File' || entry.type === 'OldFile' || entry.type === 'ContiguousFile') return 'file';
  return entry.type === 'Directory' || entry.type === 'GNUDumpDir' ? 'directory' : 'other';
}

async function* bytesOf(entry: ReadEntry): AsyncGenerator<Buffer> {
  for await (const chunk of entry) yield chunk;
}

/** Tells a stream of the end of something that it waits for. */
function finish(work: Promise<void>, done: (error?: Error | null) => void): void {
  void (async () => {
    try {
      await work;
    } catch (error) {
      done(asError(error));
      return;
    }
    done();
  })();
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
