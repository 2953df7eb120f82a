import type { CopyProgress } from '../../lib/migrate/copy.ts';
import type { CliContext } from '../shared/context.ts';
import { describeAdvance, startProgress } from '../shared/progress.ts';

/** Shows how far something is while `work` is at it. */
export async function showing<T>(
  context: CliContext,
  title: string,
  work: (onProgress: (progress: CopyProgress) => void) => Promise<T>,
): Promise<T> {
  const progress = await startProgress(context, title);
  const begun = context.clock.monotonic();
  // What an earlier run did tells nothing about the speed of this one.
  let before: number | null = null;
  try {
    return await work(({ done, total }) => {
      before ??= done;
      const elapsedMs = context.clock.monotonic() - begun;
      progress.update(
        `${title}: ${describeAdvance({ done: done - before, total: total - before, unit: 'events', elapsedMs })}`,
      );
    });
  } finally {
    progress.done();
  }
}
