import { readSegmentHeader } from '../../daemon/collector/inbox/format.ts';
import { BATCH_BYTES } from '../../daemon/collector/inbox/options.ts';
import { scanSegment } from '../../daemon/collector/inbox/scan.ts';
import type { SegmentReader } from '../../lib/transfer/backup/segments.ts';

/** Reads a segment as the daemon will, every frame of it. */
export const readSegment: SegmentReader = (bytes, id, box, newest) => {
  const header = readSegmentHeader(bytes, box);
  if (header.kind === 'foreign') return { kind: 'foreign' };
  if (header.kind === 'damaged') return { kind: 'damaged', detail: header.detail };
  const scan = scanSegment(bytes, id, header.key, { verify: true, tornBytes: newest ? BATCH_BYTES : 0 });
  return {
    kind: 'ok',
    frames: scan.frames.map(({ seq, count }) => ({ seq, count })),
    damagedBytes: scan.damage.reduce((sum, run) => sum + run.bytes, 0),
  };
};
