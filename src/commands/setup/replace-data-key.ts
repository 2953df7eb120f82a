import { makeNewDataKey, sealedThings, type NewDataKey } from '../../lib/setup/new-data-key.ts';
import { withServeLock } from '../../lib/setup/place.ts';
import { counted } from '../shared/format.ts';
import { insist } from '../shared/prompt.ts';
import type { SetupRun } from './run.ts';

/** Asks, and makes a new data key. No daemon may run beside it: it would go on with the old one. */
export function replaceDataKey({ options, context, config, store }: SetupRun): Promise<NewDataKey> {
  const { clock, output } = context;
  return withServeLock(config, 'setup', clock.now(), async () => {
    const { connection, deadLetters, segments } = sealedThings(config, store);
    const lost = [
      ...(connection ? ['the saved management key'] : []),
      ...(segments > 0 ? [`${counted(segments, 'segment')} of records that are not stored yet`] : []),
      ...(deadLetters > 0 ? [`the originals of ${counted(deadLetters, 'dead letter')}`] : []),
    ];
    output.note(
      lost.length === 0
        ? 'Nothing in this database needs the old data key.'
        : `Only the old data key opens ${lost.join(', ')}. It stays on the disk, and nothing here can read it any more.`,
    );
    await insist(context, 'Make a new data key?', options.yes === true);
    return makeNewDataKey(config, store, clock.now());
  });
}
