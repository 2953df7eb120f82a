import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import type { ConfigFlags } from '../../src/lib/config/sources.ts';
import { refused, world } from '../support/config-world.ts';

test('a secret comes from the first place that has one', async (t) => {
  const { cwd, secrets, load, write } = await world(t);
  const key = (env: Record<string, string> = {}, flags: ConfigFlags = {}) =>
    load(env, flags).managementKey?.value;
  assert.equal(key(), undefined);
  await writeFile(join(secrets, 'cpa_management_key'), ' \n');
  assert.equal(key(), undefined, 'an empty mounted file is none');
  await writeFile(join(secrets, 'cpa_management_key'), 'mounted\n');
  assert.equal(key(), 'mounted');
  assert.equal(load().managementKey?.from, join(secrets, 'cpa_management_key'));
  assert.equal(load({ CPA_UPSTREAM_URL: 'http://cpa' }).envManaged, true);
  await write('key-1', 'by config.json');
  await write('config.json', { managementKeyFile: 'key-1' });
  assert.equal(key(), 'by config.json');
  await write('key-2', '\n by variable \n');
  assert.equal(key({ CPA_MANAGEMENT_KEY_FILE: 'key-2' }), 'by variable');
  assert.equal(key({ CPA_MANAGEMENT_KEY_FILE: 'missing', CPA_MANAGEMENT_KEY: ' direct ' }), 'direct');
  await write('key-3', 'by flag');
  assert.equal(key({ CPA_MANAGEMENT_KEY: 'direct' }, { managementKeyFile: join(cwd, 'key-3') }), 'by flag');
});

test('a data key of 32 raw bytes survives its file', async (t) => {
  const { secrets, load } = await world(t);
  const bytes = Buffer.from([...Array(32).keys()].map((index) => 255 - index));
  await writeFile(join(secrets, 'cpa_data_key'), bytes);
  assert.deepEqual(Buffer.from(load().dataKeySecret?.bytes ?? []), bytes);
});

test('a named secret file that is missing or empty is refused, and no secret is repeated', async (t) => {
  const { cwd, secrets, load, write } = await world(t);
  await writeFile(join(secrets, 'cpa_admin_key'), 'mounted');
  await write('empty', ' \n');
  for (const variable of [
    'CPA_MANAGER_ADMIN_KEY_FILE',
    'CPA_MANAGER_DATA_KEY_FILE',
    'CPA_MANAGEMENT_KEY_FILE',
  ]) {
    const missing = join(cwd, 'missing');
    assert.throws(
      () => load({ [variable]: missing }),
      refused('secret_file_unreadable', variable, missing, 'ENOENT'),
    );
    assert.throws(
      () => load({ [variable]: './empty' }),
      refused('secret_file_unreadable', variable, 'empty'),
    );
    assert.throws(() => load({ [variable]: cwd }), refused('secret_file_unreadable', 'EISDIR'));
    assert.throws(
      () => load({ [variable]: 'cmp_admin_hunter2' }),
      (error) => refused('secret_file_unreadable', variable)(error) && !String(error).includes('hunter2'),
    );
  }
  await write('config.json', { adminKeyFile: 'missing' });
  assert.throws(() => load(), refused('secret_file_unreadable', 'adminKeyFile', join(cwd, 'missing')));
});

test('no warning, error or origin holds a secret', async (t) => {
  const { load } = await world(t);
  const config = load({
    CPA_MANAGER_ADMIN_KEY: 'hunter2',
    CPA_MANAGEMENT_KEY: 'hunter2',
    CPA_MANAGER_DATA_KEY: 'hunter2',
    USAGE_BATCH_SIZE: 'x',
  });
  const shown = [config.warnings, [...config.origins], config.adminKey?.from, config.dataKeySecret?.from];
  assert.doesNotMatch(JSON.stringify(shown), /hunter2/);
});
