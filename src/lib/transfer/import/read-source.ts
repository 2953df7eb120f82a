import { AppError } from '../../errors.ts';
import { JsonArrayReader } from '../../gateway/json-array.ts';
import { BlockCutter, type Block } from './block-cutter.ts';
import { rejected, type Imported, type ImportContext } from './context.ts';
import { formatOf, startOf, type ImportFormat } from './format.ts';
import { JsonError } from './json-walker.ts';
import { LineSplitter } from './line-splitter.ts';
import { importedLine, MAX_LINE_BYTES } from './line.ts';
import { SnapshotIndexer, SnapshotReader } from './snapshot-reader.ts';
import { TOO_LONG } from './parse-block.ts';
import { contentOf, type ImportSource } from './source.ts';

/** Receives what a source holds. */
export interface ItemSink {
  /** `text`: the item as it was written, null where it was not kept; `where` names its place in the source. */
  item(imported: Imported, text: string | null, where: string): void;
  /** Called between chunks: a good moment to wait. */
  breathe(): Promise<void>;
  bytes(count: number): void;
  /** Takes lines unread, where somebody else reads them. */
  readonly block?: (block: Block) => void;
}

/** What a source turned out to be. */
export interface SourceRead {
  readonly format: ImportFormat;
  /** Models of a snapshot that it holds only sums of. */
  readonly unsupported: number;
  /** The end of a list that breaks off, or what is odd between its items; null without. */
  readonly damage: string | null;
  /** Why none or not all of it could be imported; null when it could. */
  readonly error: AppError | null;
}

/** A snapshot that can be read only once is kept in memory up to so many bytes. */
const MOST_IN_MEMORY = 256 * 1024 * 1024;

/**
 * Reads a source to its end. Lines and items that cannot be read are told of and hurt nobody else. Throws AppError for a
 * source that cannot be read or unpacked, or is a snapshot whose JSON is damaged.
 */
export async function readSource(
  source: ImportSource,
  context: ImportContext,
  sink: ItemSink,
): Promise<SourceRead> {
  const chunks = contentOf(source, (count) => sink.bytes(count));
  const { format, head } = await find(chunks);
  const read = { format, unsupported: 0, damage: null, error: null };
  if (format === 'empty') return { ...read, error: new AppError('import_empty', { detail: source.name }) };
  const withoutDetails = (): AppError => new AppError('import_without_details', { detail: source.name });
  if (format === 'summary') return { ...read, error: withoutDetails() };
  if (format === 'array') return { ...read, damage: await readArray(head, chunks, context, sink) };
  if (format === 'lines') {
    if (sink.block === undefined) await readLines(head, chunks, context, sink);
    else await cutLines(head, chunks, sink, sink.block);
    return read;
  }
  const { events, unsupported } = await readSnapshot(source, head, chunks, format, context, sink);
  return { ...read, unsupported, error: events > 0 ? null : withoutDetails() };
}

type Chunks = AsyncGenerator<Buffer, void, undefined>;

async function find(chunks: Chunks): Promise<{ format: ImportFormat; head: Buffer }> {
  let head: Buffer = Buffer.alloc(0);
  for (;;) {
    const next = await chunks.next();
    if (!next.done) head = head.length === 0 ? Buffer.from(next.value) : Buffer.concat([head, next.value]);
    const format = formatOf(head, next.done === true);
    if (format !== null) return { format, head: head.subarray(startOf(head)) };
  }
}

/** About 800 lines: a good size for a transaction as well. */
const BLOCK_BYTES = 1024 * 1024;

async function cutLines(
  head: Buffer,
  chunks: Chunks,
  sink: ItemSink,
  take: (block: Block) => void,
): Promise<void> {
  const cutter = new BlockCutter(BLOCK_BYTES, MAX_LINE_BYTES);
  for await (const chunk of following(head, chunks)) {
    for (const block of cutter.push(chunk)) take(block);
    await sink.breathe();
  }
  for (const block of cutter.end()) take(block);
}

async function readLines(
  head: Buffer,
  chunks: Chunks,
  context: ImportContext,
  sink: ItemSink,
): Promise<void> {
  const splitter = new LineSplitter(MAX_LINE_BYTES, ({ number, text }) => {
    const read = text === null ? rejected(TOO_LONG) : importedLine(text, context);
    sink.item(read, text, String(number));
  });
  splitter.push(head);
  await sink.breathe();
  for await (const chunk of chunks) {
    splitter.push(chunk);
    await sink.breathe();
  }
  splitter.end();
}

async function readArray(
  head: Buffer,
  chunks: Chunks,
  context: ImportContext,
  sink: ItemSink,
): Promise<string | null> {
  const reader = new JsonArrayReader({
    maxElement: MAX_LINE_BYTES,
    head: 0,
    maxTotal: Number.MAX_SAFE_INTEGER,
    keepNull: true,
  });
  let count = 0;
  const drain = async (): Promise<void> => {
    for (const { bytes, truncatedFrom } of reader.elements.splice(0)) {
      count += 1;
      const text = truncatedFrom === undefined ? Buffer.from(bytes).toString('utf8') : null;
      const read = text === null ? rejected(TOO_LONG) : importedLine(text, context);
      sink.item(read, text, `item ${count}`);
    }
    await sink.breathe();
  };
  reader.push(head);
  await drain();
  for await (const chunk of chunks) {
    reader.push(chunk);
    await drain();
  }
  return reader.end() ?? (reader.trailing ? 'something follows the list' : null);
}

interface SnapshotRead {
  readonly events: number;
  readonly unsupported: number;
}

/** Twice over: ids of requests depend on what all endpoints and models are called. */
async function readSnapshot(
  source: ImportSource,
  head: Buffer,
  chunks: Chunks,
  format: 'snapshot' | 'payload',
  context: ImportContext,
  sink: ItemSink,
): Promise<SnapshotRead> {
  const isPayload = format === 'payload';
  let events = 0;
  try {
    const indexer = new SnapshotIndexer(isPayload);
    const kept = await indexed(indexer, source, following(head, chunks));
    const reader = new SnapshotReader(
      isPayload,
      indexer.index,
      {
        event: (imported, text, where) => {
          if (imported.kind === 'event') events += 1;
          sink.item(imported, text, where);
        },
      },
      context,
    );
    for await (const chunk of withoutMark(kept ?? contentOf(source, () => {}))) {
      reader.push(chunk);
      await sink.breathe();
    }
    reader.end();
    return { events, unsupported: reader.unsupported };
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    throw new AppError('import_unreadable', { detail: `${source.name}: ${error.message}`, cause: error });
  }
}

/** The first pass; what was read, where it can be read only once. */
async function indexed(
  indexer: SnapshotIndexer,
  source: ImportSource,
  chunks: Chunks,
): Promise<Buffer[] | null> {
  const kept: Buffer[] | null = source.again ? null : [];
  let length = 0;
  for await (const chunk of chunks) {
    indexer.push(chunk);
    length += chunk.length;
    if (kept !== null && length > MOST_IN_MEMORY) {
      throw new AppError('import_unreadable', {
        detail: `${source.name} is a snapshot of more than 256 MiB, which has to be read twice`,
        hint: 'Save it to a file and import that.',
      });
    }
    kept?.push(Buffer.from(chunk));
  }
  indexer.end();
  return kept;
}

async function* following(head: Buffer, chunks: Chunks): Chunks {
  yield head;
  yield* chunks;
}

async function* withoutMark(chunks: AsyncIterable<Buffer> | readonly Buffer[]): Chunks {
  let isFirst = true;
  for await (const chunk of chunks) {
    yield isFirst ? chunk.subarray(startOf(chunk)) : chunk;
    isFirst = false;
  }
}
