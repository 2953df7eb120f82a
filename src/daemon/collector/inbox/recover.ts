import { join } from 'node:path';
import type { Position } from '../../../lib/contract/inbox.ts';
import type { Aside } from './aside.ts';
import { errorCode } from './files.ts';
import type { SpoolFiles } from './files.ts';
import { HEADER_BYTES, readSegmentHeader } from './format.ts';
import { BATCH_BYTES } from './options.ts';
import type { InboxOptions, SpoolDamage } from './options.ts';
import { scanSegment } from './scan.ts';
import type { Scan } from './scan.ts';
import { Segment } from './segment.ts';
import { isUlid, ulidTime } from './ulid.ts';

/** Far above what a segment can be: nothing of ours. */
const MAX_FILE_BYTES = 1 << 28;

export interface Recovered {
  readonly segments: readonly Segment[];
  /** Every id in the directory, whatever its state. */
  readonly ids: readonly string[];
}

type Context = Pick<InboxOptions, 'dir' | 'box' | 'after'> & {
  readonly files: SpoolFiles;
  readonly aside: Aside;
};

interface Content {
  readonly bytes: Buffer;
  readonly mtimeMs: number;
}

/** `null`: the disk cannot read it, or it is far too large. Other errors say nothing about the file, and are thrown. */
async function load(files: SpoolFiles, path: string): Promise<Content | null> {
  const file = await files.open(path);
  try {
    const { size, mtimeMs } = await file.stat();
    if (size > MAX_FILE_BYTES) return null;
    const bytes = Buffer.allocUnsafeSlow(size);
    const length = await file.read(bytes, 0);
    return { bytes: bytes.subarray(0, length), mtimeMs };
  } catch (error) {
    if (errorCode(error) === 'EIO') return null;
    throw error;
  } finally {
    await file.close();
  }
}

/** Cuts off what a crash left of the last write. Where that fails it stays, and is not looked at in this run. */
async function cut(files: SpoolFiles, segment: Segment): Promise<void> {
  try {
    const file = await files.open(segment.path, true);
    try {
      await file.truncate(segment.end);
      await file.sync();
      segment.excess = 0;
    } finally {
      await file.close();
    }
  } catch {
    // A read-only or full disk: the writer will meet it too, and says so.
  }
}

/** Whether the frame with this number is stored already. */
function stored(after: Position | null, id: string, seq: number): boolean {
  if (after === null || id > after.segment) return false;
  return id < after.segment || seq <= after.seq;
}

function enter(segment: Segment, scan: Scan, mtimeMs: number, context: Context): void {
  for (const frame of scan.frames) {
    segment.addLost(frame.seq);
    segment.add({ offset: frame.offset, size: frame.size, count: frame.count });
  }
  for (const run of scan.damage) {
    segment.damaged = true;
    // Also where the store is further already: whether an earlier run came to note the loss is not known.
    context.aside.report({
      segment: segment.id,
      kind: 'damaged',
      fromMs: run.fromMs ?? segment.createdMs,
      toMs: run.toMs ?? mtimeMs,
      records: run.records,
      bytes: run.bytes,
      detail: `${run.bytes} bytes of ${segment.id}.seg cannot be read; it is kept as ${segment.id}.damaged`,
    });
  }
}

/** Reads one segment file that an earlier run left. */
async function admit(id: string, newest: boolean, context: Context): Promise<Segment | SpoolDamage> {
  const { files, dir, box, after } = context;
  const path = join(dir, `${id}.seg`);
  const content = await load(files, path);
  const header = content
    ? readSegmentHeader(content.bytes, box)
    : ({ kind: 'damaged', detail: 'the disk cannot read it, or it is far too large' } as const);
  if (!content || header.kind !== 'ok') {
    const kind = header.kind === 'foreign' ? 'foreign' : 'damaged';
    const fromMs = header.kind === 'foreign' ? header.createdMs : ulidTime(id);
    const why = header.kind === 'damaged' ? header.detail : 'another data key wrote it';
    return {
      segment: id,
      kind,
      fromMs,
      toMs: Math.max(fromMs, content?.mtimeMs ?? fromMs),
      records: null,
      bytes: content?.bytes.length ?? 0,
      detail: `${id}.seg cannot be read (${why}); it is kept as ${id}.${kind}`,
    };
  }
  const segment = new Segment(dir, id, header.key, header.createdMs, true);
  // The last one may end in a broken write. One that is stored is about to be deleted: a last look whether all of it was.
  const verify = newest || stored(after, id, 0);
  const scan = scanSegment(content.bytes, id, header.key, { verify, tornBytes: newest ? BATCH_BYTES : 0 });
  enter(segment, scan, content.mtimeMs, context);
  segment.end = Math.max(scan.end, HEADER_BYTES);
  segment.excess = content.bytes.length - segment.end;
  if (scan.torn) await cut(files, segment);
  return segment;
}

/** Looks through the spool directory as an earlier run left it: what can be read comes back, the rest is set aside. */
export async function recover(context: Context): Promise<Recovered> {
  const { files, dir, aside } = context;
  await files.prepare(dir);
  const names = await files.list(dir);
  const ids: string[] = [];
  const waiting: string[] = [];
  for (const name of names) {
    const [id = '', ending = '', ...more] = name.split('.');
    if (!isUlid(id) || more.length > 0) continue;
    ids.push(id);
    if (ending === 'seg') waiting.push(id);
    // A segment gets its name when its header is durable, so that this one never held a frame.
    else if (ending === 'tmp') await files.remove(join(dir, name));
    else if (ending === 'damaged' || ending === 'foreign') aside.counts[ending] += 1;
  }
  waiting.sort();
  const segments: Segment[] = [];
  let asideNow = false;
  for (const id of waiting) {
    const found = await admit(id, id === waiting.at(-1), context);
    if (found instanceof Segment) {
      segments.push(found);
      continue;
    }
    aside.report(found);
    await aside.set(id, found.kind);
    asideNow = true;
  }
  if (asideNow) await files.syncDir(dir);
  return { segments, ids };
}
