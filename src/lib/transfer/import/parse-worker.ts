import { parentPort, workerData } from 'node:worker_threads';
import { buffersOf } from '../../store/event-batch.ts';
import type { ImportContext } from './context.ts';
import { parseBlock, type ParsedBlock } from './parse-block.ts';

/** What the worker is started with. */
export interface ParseWorkerData {
  readonly context: ImportContext;
  readonly gateway: string;
}

export interface ParseRequest {
  readonly seq: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export interface ParseAnswer {
  readonly seq: number;
  readonly block: ParsedBlock;
}

const port = parentPort;
if (port === null) throw new Error('parse-worker runs in a worker thread');

const { context, gateway }: ParseWorkerData = workerData;
port.on('message', ({ seq, bytes }: ParseRequest) => {
  const block = parseBlock(bytes, context, gateway);
  const answer: ParseAnswer = { seq, block };
  port.postMessage(answer, buffersOf(block.batch));
});
