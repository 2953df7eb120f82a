import type { Position } from '../contract/inbox.ts';
import type { RawRecord, TransportName } from '../contract/record.ts';
import type { TakeoverMark } from '../contract/takeover.ts';
import type {
  CommitResult,
  ContactState,
  GapOpen,
  ImportOutcome,
  ImportPace,
  StoredSession,
} from '../contract/writer.ts';
import { AppError, ERRORS, type ErrorCode } from '../errors.ts';
import type { AliasChange } from './alias-store.ts';
import type { EventBatch } from './event-batch.ts';
import type { FillStep } from './fill-prices.ts';
import type { PriceChange, PriceChanged, PriceList } from './price-writer.ts';

/** What the worker is started with. */
export interface WriterWorkerData {
  readonly dbPath: string;
  /** The 32 bytes of data.key; null while it is missing. */
  readonly dataKey: Uint8Array | null;
  /** How long a call waits for a lock before it is refused with `database_locked`. */
  readonly patienceMs: number;
}

/** How writing goes. `locked`: another process holds a lock and the worker is trying again. */
export interface WriterState {
  readonly state: 'ok' | 'locked';
  /** Epoch ms. */
  readonly since: number;
}

/** What the writer can be asked for, as in the contract. */
export type WriterCall =
  | { readonly call: 'commit'; readonly records: PackedRecords; readonly position: Position | null }
  | { readonly call: 'gateway'; readonly baseUrl: string }
  | { readonly call: 'openGap'; readonly gap: GapOpen }
  | {
      readonly call: 'closeGap';
      readonly id: number;
      readonly toMs: number;
      readonly estimate: number | null;
    }
  | { readonly call: 'saveContact'; readonly contact: ContactState }
  | { readonly call: 'saveSettings'; readonly rows: ReadonlyMap<string, string | null> }
  | { readonly call: 'saveSession'; readonly session: StoredSession }
  | {
      readonly call: 'touchSession';
      readonly tokenHash: Uint8Array;
      readonly lastUsedMs: number;
      readonly expiresAtMs: number;
    }
  | { readonly call: 'endSession'; readonly tokenHash: Uint8Array }
  | { readonly call: 'pruneSessions'; readonly credential: string; readonly nowMs: number }
  | { readonly call: 'changePrices'; readonly change: PriceChange }
  | { readonly call: 'listPrices' }
  | { readonly call: 'fillPrices'; readonly after: number }
  | { readonly call: 'forgetRecalcs' }
  | { readonly call: 'changeAliases'; readonly change: AliasChange }
  | {
      readonly call: 'importEvents';
      readonly batch: EventBatch;
      readonly pace: ImportPace;
      readonly mark: TakeoverMark | null;
    }
  | { readonly call: 'close' };

export interface WriterRequest {
  /** Names the answer. */
  readonly seq: number;
  readonly call: WriterCall;
}

/** What a call answers, where that is more than that it is done. */
export interface WriterAnswers {
  readonly commit: CommitResult;
  readonly gateway: number;
  readonly openGap: number;
  readonly changePrices: PriceChanged;
  readonly listPrices: { readonly prices: PriceList };
  readonly fillPrices: FillStep;
  readonly forgetRecalcs: boolean;
  readonly changeAliases: boolean;
  readonly importEvents: ImportOutcome;
}

export type WriterReply = WriterAnswers[keyof WriterAnswers] | null;

export interface PackedError {
  readonly code: ErrorCode;
  readonly detail: string;
}

export type WriterMessage =
  | { readonly kind: 'ready' }
  | { readonly kind: 'failed'; readonly error: PackedError }
  | { readonly kind: 'state'; readonly state: WriterState }
  | { readonly kind: 'reply'; readonly seq: number; readonly value: WriterReply }
  | { readonly kind: 'error'; readonly seq: number; readonly error: PackedError };

/** Many records in two buffers, which move to the other thread without a copy of each. */
export interface PackedRecords {
  /** All payloads, one behind the other. */
  readonly bytes: ArrayBuffer;
  /** {@link NUMBERS} for each record. */
  readonly numbers: Float64Array<ArrayBuffer>;
}

/** Length, receivedAtMs, gatewayId, index of the transport, truncatedFrom or -1. */
const NUMBERS = 5;
const TRANSPORTS: readonly TransportName[] = ['subscribe', 'http', 'resp'];

export function packRecords(records: readonly RawRecord[]): PackedRecords {
  const total = records.reduce((sum, record) => sum + record.payload.length, 0);
  const bytes = new Uint8Array(total);
  const numbers = new Float64Array(records.length * NUMBERS);
  let at = 0;
  for (const [index, record] of records.entries()) {
    bytes.set(record.payload, at);
    at += record.payload.length;
    numbers.set(
      [
        record.payload.length,
        record.receivedAtMs,
        record.gatewayId,
        TRANSPORTS.indexOf(record.transport),
        record.truncatedFrom ?? -1,
      ],
      index * NUMBERS,
    );
  }
  return { bytes: bytes.buffer, numbers };
}

export function unpackRecords({ bytes, numbers }: PackedRecords): RawRecord[] {
  const records: RawRecord[] = [];
  let at = 0;
  for (let index = 0; index < numbers.length; index += NUMBERS) {
    const [length = 0, receivedAtMs = 0, gatewayId = 0, transport = 0, truncatedFrom = -1] = numbers.subarray(
      index,
      index + NUMBERS,
    );
    records.push({
      payload: new Uint8Array(bytes, at, length),
      receivedAtMs,
      gatewayId,
      transport: TRANSPORTS[transport] ?? 'subscribe',
      ...(truncatedFrom < 0 ? {} : { truncatedFrom }),
    });
    at += length;
  }
  return records;
}

/** An AppError that can cross threads: errors arrive there as plain ones, without their code. */
export function packError(error: AppError): PackedError {
  const { sentence } = ERRORS[error.code];
  return { code: error.code, detail: error.message.slice(sentence.length + 2) };
}

export function unpackError({ code, detail }: PackedError): AppError {
  return new AppError(code, detail === '' ? {} : { detail });
}
