import type { Question } from './queries/index.ts';
import type { PackedError } from './writer-protocol.ts';

/** What the worker is started with. */
export interface ReaderWorkerData {
  readonly dbPath: string;
}

/** To the worker. After `close` nothing more is asked; it ends when what it has is answered or given up. */
export type ReaderRequest =
  | {
      readonly kind: 'ask';
      /** Names the answer. */
      readonly seq: number;
      readonly question: Question;
      /** One number in shared memory; other than 0: nobody wants the answer any more. */
      readonly gone: Int32Array<SharedArrayBuffer>;
    }
  | { readonly kind: 'close' };

export type ReaderMessage =
  /** The JSON of an answer, in pieces to be put one behind the other. */
  | { readonly kind: 'answer'; readonly seq: number; readonly chunks: Array<Uint8Array<ArrayBuffer>> }
  | { readonly kind: 'failed'; readonly seq: number; readonly error: PackedError }
  /** The question was given up. */
  | { readonly kind: 'left'; readonly seq: number };
