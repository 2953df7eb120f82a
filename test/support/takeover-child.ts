/**
 * Takes over the volume in the first argument into the database in the second, while live records come. Says `batch` on
 * stdout before each batch and waits for a line on stdin, so that its parent can kill it anywhere and it never gets further
 * than it may. Begun again it goes on.
 */
import { createInterface } from 'node:readline';
import { carryOver } from '../../src/lib/migrate/carry.ts';
import { copyApart, storeLetters } from '../../src/lib/migrate/copy-apart.ts';
import { createSecretBox } from '../../src/lib/secrets/secret-box.ts';
import { startWriter } from '../../src/lib/store/writer.ts';
import { call, record, RECEIVED_AT_MS } from './store-harness.ts';
import { dataKeyOf, databaseIn } from './takeover.ts';

const allowed = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const [oldDir = '', dbPath = ''] = process.argv.slice(2);
const oldPath = databaseIn(oldDir);
const dataKey = dataKeyOf(oldDir);
const box = createSecretBox(dataKey);
const { gateway } = carryOver({ oldPath, dbPath, oldBox: box, box, nowMs: RECEIVED_AT_MS });
const writer = await startWriter({ dbPath, dataKey });
const gatewayId = await writer.gateway(gateway);
await copyApart({
  oldPath,
  dbPath,
  source: 'volume',
  gateway,
  nowMs: RECEIVED_AT_MS,
  batchRows: 100,
  store: async (batch, mark) => {
    process.stdout.write('batch\n');
    await allowed.next();
    const live = record(call({ request_id: `live-${mark.last}` }), gatewayId);
    const stored = writer.importEvents(batch, { maxRows: 1, maxMs: 1000, pause: false }, mark);
    await writer.commit([live], null);
    return stored;
  },
  storeLetters: (letters) => storeLetters(writer, gatewayId, letters),
  signal: new AbortController().signal,
});
await writer.close();
process.stdout.write('done\n');
process.stdin.destroy();
