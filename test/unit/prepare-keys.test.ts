import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { prepareKeys, type KeySources } from '../../src/lib/secrets/prepare-keys.ts';
import { tempDir } from '../support/daemon.ts';

const GIVEN = 'an-admin-key-from-the-environment';

/** One start after another on the same directory and the same settings. */
function volume(t: TestContext) {
  const dir = tempDir(t);
  const settings = new Map<string, string>();
  const dataKeyPath = join(dir, 'data.key');
  const start = async (options: Partial<KeySources> = {}) => {
    const keys = await prepareKeys({
      dataKeySecret: null,
      dataKeyPath,
      adminKey: null,
      setting: (key) => settings.get(key) ?? null,
      sealedText: null,
      somethingEncrypted: () => false,
      nowMs: 1_800_000_000_000,
      ...options,
    });
    for (const [key, value] of keys.rows) settings.set(key, value);
    return keys;
  };
  return { dir, dataKeyPath, settings, start };
}

test('the first start makes both keys, the second one changes nothing', async (t) => {
  const { start, dataKeyPath, settings } = volume(t);
  const first = await start();
  assert.equal(first.dataKey.kind, 'open');
  assert.match(first.generatedAdminKey ?? '', /^cmp_admin_[\w-]{32}$/);
  assert.equal(statSync(dataKeyPath).mode & 0o777, 0o600);
  const second = await start();
  assert.equal(second.dataKey.kind, 'open');
  assert.equal(second.generatedAdminKey, null);
  assert.equal(second.rows.size, 0);
  assert.ok(![...settings.values()].some((value) => value.includes(first.generatedAdminKey ?? '?')));
});

test('an admin key given later replaces the stored one once; left out again, it stays', async (t) => {
  const { start } = volume(t);
  const first = await start();
  const given = await start({ adminKey: GIVEN });
  assert.equal(given.adminKeyReplaced, true);
  assert.notEqual(given.credential.keyHash, first.credential.keyHash);
  assert.equal((await start({ adminKey: GIVEN })).adminKeyReplaced, false);
  const without = await start();
  assert.equal(without.generatedAdminKey, null);
  assert.equal(without.credential.keyHash, given.credential.keyHash);
});

test('a short admin key is used, with a warning', async (t) => {
  const { start } = volume(t);
  assert.equal((await start({ adminKey: 'short' })).weakAdminKey, true);
});

test('a missing, malformed or foreign data key locks only what was encrypted with it', async (t) => {
  const { start, dataKeyPath, dir } = volume(t);
  await start();
  const rightKey = readFileSync(dataKeyPath);
  const encrypted = { somethingEncrypted: () => true };
  for (const [content, code] of [
    ['VP9bYwxbxmYAJdk/eE9gsxOWyVNizFWjL3Ids5Syq3M\n', 'data_key_foreign'],
    ['not a key', 'data_key_malformed'],
  ] as const) {
    writeFileSync(dataKeyPath, content);
    const { dataKey } = await start(encrypted);
    assert.equal(dataKey.kind === 'locked' && dataKey.error.code, code);
    assert.equal(readFileSync(dataKeyPath, 'utf8'), content, 'a locked start leaves the file alone');
  }
  writeFileSync(dataKeyPath, rightKey);
  assert.equal((await start(encrypted)).dataKey.kind, 'open', 'the right file opens it again');

  writeFileSync(dataKeyPath, 'not a key');
  assert.equal((await start()).dataKey.kind, 'open', 'nothing encrypted: a new one is made');
  assert.equal(
    readdirSync(dir).filter((name) => name.startsWith('data.key')).length,
    2,
    'the old file is kept aside',
  );
  assert.equal((await start()).rows.size, 0, 'and the new one fits from then on');
});

test('a data key from a secret needs no file', async (t) => {
  const { start, dir } = volume(t);
  const dataKeySecret = { bytes: Buffer.from('my passphrase'), from: 'CPA_MANAGER_DATA_KEY' };
  assert.equal((await start({ dataKeySecret })).dataKey.kind, 'open');
  assert.deepEqual(readdirSync(dir), []);
  const other = await start({
    dataKeySecret: { ...dataKeySecret, bytes: Buffer.from('another') },
    somethingEncrypted: () => true,
  });
  assert.equal(other.dataKey.kind, 'locked');
});
