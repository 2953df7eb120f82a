import { price } from '../../src/lib/pricing/price.ts';
import { createPriceBook } from '../../src/lib/pricing/book.ts';
import { createEmbeddedBook } from '../../src/lib/pricing/embedded.ts';
import { openDatabase } from '../../src/lib/store/open.ts';
import { Revisions } from '../../src/lib/store/revisions.ts';
import { WriterCore } from '../../src/lib/store/writer-core.ts';
import { normalise } from '../../src/lib/usage/normalise.ts';

/**
 * Another process that writes to the database named first on its command line, with our own store, as a command beside
 * a daemon does. `settings`, `prices`, or a number: so many events.
 */
const [path = '', what = ''] = process.argv.slice(2);
const db = openDatabase(path, { mode: 'write', busyTimeoutMs: 60_000 });
const core = new WriterCore(db, {
  normalise,
  price,
  book: (_cards, revision) =>
    createPriceBook({ manual: new Map(), synced: new Map(), revision, embedded: createEmbeddedBook() }),
  letterKeys: null,
  redact: (text) => text,
  now: Date.now,
});
if (what === 'settings') core.saveSettings(new Map([['another_setting', '{}']]));
else if (what === 'prices') {
  db.transaction(() => {
    db.prepare<[number]>(
      `INSERT INTO price_card (source, model, origin, input, updated_at_ms) VALUES ('manual', 'm', '', 1, ?)`,
    ).run(Date.now());
    new Revisions(db).raise('prices', Date.now());
  }).immediate();
} else {
  const records = Array.from({ length: Number(what) }, (_, at) => ({
    payload: Buffer.from(
      JSON.stringify({
        timestamp: new Date(at).toISOString(),
        model: 'elsewhere',
        request_id: `elsewhere-${at}`,
        tokens: {},
      }),
    ),
    receivedAtMs: Date.now(),
    transport: 'http' as const,
    gatewayId: 1,
  }));
  const { inserted } = core.commit(records, null);
  if (inserted !== records.length) throw new Error(`${inserted} stored`);
}
db.close();
