import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { createSecretBox } from '../../src/lib/secrets/secret-box.ts';
import { excerpt, openLetter } from '../../src/lib/store/dead-letters.ts';
import { redactText } from '../../src/lib/usage/redact.ts';
import { coreParts, record, recordedCalls, storeCore, storeDb, storeDir } from '../support/store-harness.ts';

/** Keys of the recordings: none of them may be found in a file of ours. */
const KEYS = [
  'sk-client-alpha-0001',
  'sk-client-beta-0002',
  'sk-upstream-openai-aaaa',
  'sk-upstream-openai-bbbb',
  'sk-ant-upstream-cccc',
  'sk-codex-upstream-dddd',
  'AIza-upstream-eeee',
];

const BROKEN = KEYS.map((key) => `{"api_key":"${key}","source":"${key}","note":"${key}" broken`);

test('no key of a record reaches the disk, from events or from dead letters', (t) => {
  const dir = storeDir(t);
  const core = storeCore(storeDb(t, path.join(dir, 'usage.sqlite')));
  const result = core.commit([...recordedCalls(), ...BROKEN.map((text) => record(text))], null);
  assert.equal(result.deadLetters, KEYS.length);
  for (const name of fs.readdirSync(dir)) {
    const bytes = fs.readFileSync(path.join(dir, name));
    for (const key of KEYS) assert.equal(bytes.includes(key), false, `${key} in ${name}`);
  }
});

test('the data key opens the original of a dead letter, another one does not', (t) => {
  const db = storeDb(t);
  storeCore(db).commit([record('{"api_key":"sk-client-alpha-0001" oh')], null);
  const row = db
    .prepare<[], { original: Buffer; reason: string; length: number }>('SELECT * FROM dead_letter')
    .get();
  assert.ok(row);
  assert.equal(row.reason, 'not_json');
  assert.equal(row.length, 36);
  const keys = coreParts().letterKeys;
  assert.ok(keys);
  assert.equal(openLetter(keys, row.original).toString(), '{"api_key":"sk-client-alpha-0001" oh');
  assert.throws(() => openLetter(createSecretBox(Buffer.alloc(32, 8)), row.original));
});

test('without a data key the original is not kept at all', (t) => {
  const db = storeDb(t);
  const core = storeCore(db, { letterKeys: null });
  const result = core.commit([record('nonsense')], null);
  assert.equal(result.deadLetters, 1);
  assert.deepEqual(db.prepare('SELECT original, excerpt FROM dead_letter').all(), [
    { original: null, excerpt: 'nonsense' },
  ]);
});

test('an excerpt shows the shape and hides what could be a key', () => {
  const redact = (text: string): string => redactText(text, []);
  const of = (text: string | Uint8Array): string => excerpt(Buffer.from(text), redact);
  assert.equal(
    of('{"model":"gpt-5","api_key":"hunter2","source":"bob","tokens":{"input'),
    '{"model":"gpt-5","api_key":"[redacted]","source":"[redacted]","tokens":{"input',
  );
  assert.doesNotMatch(of('key QmFzZTY0IGtleSBvZiBzb21lYm9keQ12 end'), /QmFz/);
  assert.doesNotMatch(of('{"api_key":"cut off in the mid'), /cut off/);
  assert.ok(of('x '.repeat(5000)).length <= 400);
  assert.doesNotMatch(of(Buffer.from([0, 1, 2, 0xff, 0x1b])), /\p{Cc}/u);
});
