import { EventBatcher, type EventBatch } from '../../store/event-batch.ts';
import type { ImportContext, ImportedEvent } from './context.ts';
import { LineSplitter } from './line-splitter.ts';
import { importedLine, MAX_LINE_BYTES } from './line.ts';

/** A line that could not be read, by its number within the block, from 1 on. */
export interface RejectedLine {
  readonly line: number;
  readonly reason: string;
  /** Null where it was too long to be kept. */
  readonly text: string | null;
}

export interface ParsedBlock {
  readonly batch: EventBatch;
  readonly rejects: readonly RejectedLine[];
  /** Lines of the block, blank ones too. */
  readonly lines: number;
}

export const TOO_LONG = 'it is longer than 10 MiB';

/** Adds an event to a batch. Null when it was added, else why it cannot be stored. */
export function addTo(
  batcher: EventBatcher,
  { event, kept, gateway, named }: ImportedEvent,
  fallback: string,
): string | null {
  try {
    batcher.add(event, gateway || fallback, kept, named);
    return null;
  } catch (error) {
    // Its text could quote the line.
    return `it cannot be stored (${error instanceof Error ? error.name : 'unknown'})`;
  }
}

/** Reads all lines of a block. `gateway`: of events whose line does not tell. */
export function parseBlock(bytes: Uint8Array, context: ImportContext, gateway: string): ParsedBlock {
  const batcher = new EventBatcher();
  const rejects: RejectedLine[] = [];
  const splitter = new LineSplitter(MAX_LINE_BYTES, ({ number, text }) => {
    const reject = (reason: string): void => {
      rejects.push({ line: number, reason, text });
    };
    if (text === null) {
      reject(TOO_LONG);
      return;
    }
    const read = importedLine(text, context);
    const refused = read.kind === 'event' ? addTo(batcher, read.imported, gateway) : read.reason;
    if (refused !== null) reject(refused);
  });
  splitter.push(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  splitter.end();
  return { batch: batcher.take(), rejects, lines: splitter.lines };
}
