import { openInbox } from '../../daemon/collector/inbox/inbox.ts';
import type { StartConfig } from '../../lib/config/start-config.ts';
import type { Inbox } from '../../lib/contract/inbox.ts';
import { keySources } from '../../lib/secrets/key-sources.ts';
import { findDataKey } from '../../lib/secrets/prepare-keys.ts';
import { spoolDir, spoolSegments } from '../../lib/spool.ts';
import { ReadStore } from '../../lib/store/read-store.ts';
import { startWriter } from '../../lib/store/writer.ts';
import type { CliContext } from '../shared/context.ts';

const PATIENCE_MS = 60_000;

/**
 * Stores what a daemon that was killed had received and not stored yet, as its next start would. The caller holds its
 * lock. What cannot be read stays where it is; answers why that is so, null where nothing is left.
 */
export async function storeSpool(config: StartConfig, context: CliContext): Promise<string | null> {
  const { dbPath } = config;
  if (spoolSegments(dbPath).length === 0) return null;
  const store = new ReadStore(dbPath, { beside: false, busyTimeoutMs: 2000 });
  let key: Awaited<ReturnType<typeof findDataKey>>;
  let after: ReturnType<ReadStore['position']>;
  try {
    key = await findDataKey(keySources(config, store, context.clock.now()));
    after = store.position();
  } finally {
    store.close();
  }
  if (key.kind !== 'open') return key.kind === 'locked' ? key.error.message : 'there is no data key';
  let why: string | null = null;
  const inbox = await openInbox({
    dir: spoolDir(dbPath),
    box: key.box,
    clock: context.clock,
    after,
    onDamage: ({ detail }) => {
      why = detail;
    },
  });
  try {
    await drain(inbox, after, dbPath, key.key, context.signal);
  } finally {
    await inbox.close();
  }
  return why;
}

async function drain(
  inbox: Inbox,
  after: ReturnType<ReadStore['position']>,
  dbPath: string,
  dataKey: Uint8Array,
  signal: AbortSignal,
): Promise<void> {
  if (inbox.status().records === 0) return;
  const writer = await startWriter({ dbPath, dataKey, patienceMs: PATIENCE_MS });
  try {
    for await (const { records, position } of inbox.read(after, signal)) {
      await writer.commit(records, position);
      await inbox.release(position);
      if (inbox.status().records === 0) break;
    }
  } finally {
    await writer.close();
  }
}
