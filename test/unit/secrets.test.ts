import assert from 'node:assert/strict';
import { pbkdf2Sync } from 'node:crypto';
import { mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import * as fc from 'fast-check';
import { AppError } from '../../src/lib/errors.ts';
import { createFileAtomic, writeFileAtomic } from '../../src/lib/files.ts';
import {
  credentialFor,
  generateAdminKey,
  isWeakAdminKey,
  parseCredential,
  serialiseCredential,
  verifyAdminKey,
} from '../../src/lib/secrets/admin-key.ts';
import {
  createDataKey,
  dataKeyFromSecret,
  formatDataKey,
  loadDataKey,
  parseDataKey,
  sealCheck,
  setAsideDataKey,
  verifyCheck,
} from '../../src/lib/secrets/data-key.ts';
import { createSecretBox, isSealed, settingsKey } from '../../src/lib/secrets/secret-box.ts';

const NOW = Date.UTC(2026, 10, 21, 12);
/** A data key, what settings are encrypted with because of it, and a secret, all from CPA-Manager-Plus 1.12.2. */
const DATA_KEY = 'VP9bYwxbxmYAJdk/eE9gsxOWyVNizFWjL3Ids5Syq3M';
const SEALED_MK = 'enc:v1:QdmpCU8WG9VG7Cpw:UrxHvdyAcS9IBzdMebPblOQ2';

const bytes = (text: string) => Buffer.from(text, 'utf8');
const dataKey = (text: string) => parseDataKey(bytes(text)) ?? assert.fail('not a data key');
const foreign = (error: unknown) => error instanceof AppError && error.code === 'data_key_foreign';

async function tempDir(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'cpamp-secrets-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

test('a data key of CPA-Manager-Plus opens its secrets', () => {
  assert.equal(
    settingsKey(dataKey(DATA_KEY)).toString('hex'),
    '9b2bdeef0c4d1f262db05296a59d985664c74d2501edab0f8372ba191b04ff46',
  );
  assert.equal(createSecretBox(dataKey(DATA_KEY)).open(SEALED_MK), 'mk');
  const recorded = createSecretBox(dataKey('jl7WA2CZxdGkmWPVy0D8H3u13iITp5L6Ze1TzJdbOpw\n'));
  for (const sealed of [
    'enc:v1:igVISKO8CsEPSIye:MQDvI5pr0YHH+2T5yvuRTWuLWj+hWZqaXzvaaXicIhk7xQA',
    'enc:v1:jik9ndlByVMCMXv9:L7JsuqVGy5VXojtV24XcDQFHx9RsUkOXMp/ZKWdgUAiMXQQ',
  ]) {
    assert.equal(recorded.open(sealed), 'mgmt-secret-for-lab');
  }
});

test('a pass phrase gives the data key that CPA-Manager-Plus makes of it', () => {
  const hex = 'debd8c33443902bd04959b9f4e2f9544095ecc7ba0a6275366c911680fcf3439';
  assert.equal(dataKeyFromSecret(bytes('my passphrase')).toString('hex'), hex);
  assert.equal(dataKeyFromSecret(bytes(' my passphrase\n')).toString('hex'), hex);
  assert.notEqual(dataKeyFromSecret(bytes('My passphrase')).toString('hex'), hex);
});

test('a data key is read in each of its forms, and nothing else is taken for one', () => {
  const key = Buffer.from('fb' + 'ef'.repeat(30) + 'ff', 'hex');
  const standard = key.toString('base64');
  for (const text of [standard, standard.slice(0, -1), key.toString('base64url'), ` ${standard}\r\n`]) {
    assert.deepEqual(parseDataKey(bytes(text)), key, text);
  }
  assert.deepEqual(parseDataKey(key), key);
  assert.deepEqual(parseDataKey(Buffer.concat([key, bytes('\n')])), key);
  const text = 'exactly thirty-two characters 32';
  assert.equal(parseDataKey(bytes(text))?.toString(), text);
  for (const wrong of [
    '',
    'short',
    standard.slice(0, 42),
    `${standard}=`,
    `${key.toString('base64url')}=`,
    `${standard.slice(0, 20)}*${standard.slice(21)}`,
    `${standard.slice(0, 20)} ${standard.slice(20)}`,
  ]) {
    assert.equal(parseDataKey(bytes(wrong)), null, wrong);
  }
});

test('every data key survives its file', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (key) => {
      const text = formatDataKey(key);
      assert.match(text, /^[A-Za-z0-9+/]{43}\n$/);
      assert.deepEqual(parseDataKey(bytes(text)), Buffer.from(key));
      assert.deepEqual(dataKeyFromSecret(bytes(text)), Buffer.from(key));
    }),
  );
});

test('what is sealed is opened again, and differs each time', () => {
  const box = createSecretBox(dataKey(DATA_KEY));
  fc.assert(
    fc.property(
      fc.string({ unit: 'grapheme' }).filter((text) => !isSealed(text)),
      (plain) => {
        const sealed = box.seal(plain);
        assert.equal(box.open(sealed), plain.trim());
        assert.equal(isSealed(sealed), plain.trim() !== '');
      },
    ),
  );
  assert.notEqual(box.seal('mk'), box.seal('mk'));
  assert.equal(box.seal(SEALED_MK), SEALED_MK);
  assert.match(box.seal('mk'), /^enc:v1:[A-Za-z0-9+/]{16}:[A-Za-z0-9+/]{24}$/);
});

test('text that was never sealed is returned as it is', () => {
  const box = createSecretBox(dataKey(DATA_KEY));
  assert.equal(box.open('mgmt-secret-for-lab'), 'mgmt-secret-for-lab');
  assert.equal(box.open(' '), '');
});

test('a foreign key or a damaged secret is never opened', () => {
  const other = createSecretBox(Buffer.alloc(32, 1));
  assert.throws(() => other.open(SEALED_MK), foreign);
  const box = createSecretBox(dataKey(DATA_KEY));
  for (let at = 'enc:v1:'.length; at < SEALED_MK.length - 1; at += 1) {
    const flipped = SEALED_MK[at] === 'A' ? 'B' : 'A';
    assert.throws(() => box.open(SEALED_MK.slice(0, at) + flipped + SEALED_MK.slice(at + 1)), foreign);
    assert.throws(() => box.open(SEALED_MK.slice(0, at)), foreign);
  }
  assert.throws(() => box.open(`${SEALED_MK}:`), foreign);
  assert.throws(() => box.open(`${SEALED_MK}*`), foreign);
});

test('the spool and dead letters have keys of their own, different for every salt', () => {
  const box = createSecretBox(dataKey(DATA_KEY));
  const salts = [Buffer.alloc(16), Buffer.alloc(16, 1)];
  const keys = salts.flatMap((salt) => [box.spoolKey(salt), box.letterKey(salt)]);
  assert.equal(new Set([...keys, settingsKey(dataKey(DATA_KEY))].map((key) => key.toString('hex'))).size, 5);
  for (const key of keys) assert.equal(key.length, 32);
  assert.deepEqual(box.spoolKey(Buffer.alloc(16)), keys[0]);
});

test('the check value tells whether a data key belongs to a database', () => {
  const box = createSecretBox(dataKey(DATA_KEY));
  const check = sealCheck(box);
  assert.equal(verifyCheck(box, check), true);
  assert.equal(verifyCheck(createSecretBox(Buffer.alloc(32)), check), false);
  assert.equal(verifyCheck(box, box.seal('something else')), false);
  assert.equal(verifyCheck(box, 'cpamp data key check'), false);
  assert.equal(verifyCheck(box, ''), false);
});

test('a data key file is made once, for us alone, and read back', async (t) => {
  const path = join(await tempDir(t), 'keys/data.key');
  assert.deepEqual(await loadDataKey(null, path), { kind: 'missing', from: path });
  const key = await createDataKey(path);
  assert.deepEqual(await loadDataKey(null, path), { kind: 'ready', key, origin: 'file', from: path });
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  assert.equal((await stat(join(path, '..'))).mode & 0o777, 0o700);
  await assert.rejects(createDataKey(path), { code: 'EEXIST' });
  assert.deepEqual(parseDataKey(await readFile(path)), key);
  assert.deepEqual(await readdir(join(path, '..')), ['data.key']);
});

test('a data key given as a secret wins over the file', async (t) => {
  const path = join(await tempDir(t), 'data.key');
  await createDataKey(path);
  const state = await loadDataKey({ bytes: bytes('my passphrase'), from: 'CPA_MANAGER_DATA_KEY' }, path);
  assert.equal(state.kind === 'ready' && state.origin, 'secret');
  assert.equal(state.from, 'CPA_MANAGER_DATA_KEY');
});

test('a file that is no key is malformed, one that cannot be read is an error', async (t) => {
  const directory = await tempDir(t);
  for (const content of ['', 'my passphrase']) {
    await writeFile(join(directory, 'data.key'), content);
    assert.equal((await loadDataKey(null, join(directory, 'data.key'))).kind, 'malformed');
  }
  await mkdir(join(directory, 'folder'));
  await assert.rejects(
    loadDataKey(null, join(directory, 'folder')),
    (error) => error instanceof AppError && error.code === 'secret_file_unreadable',
  );
});

test('a data key that does not fit is kept under another name', async (t) => {
  const directory = await tempDir(t);
  const path = join(directory, 'data.key');
  assert.equal(await setAsideDataKey(path, NOW), null);
  const old = await createDataKey(path);
  const aside = await setAsideDataKey(path, NOW);
  assert.equal(aside, `${path}.20261121T120000000Z.old`);
  const fresh = await createDataKey(path);
  assert.notDeepEqual(fresh, old);
  assert.deepEqual(parseDataKey(await readFile(aside)), old);
});

test('an admin key of CPA-Manager-Plus fits its credential', () => {
  const credential = parseCredential(
    JSON.stringify({
      version: 1,
      salt: 'jC8kpv1HXmPBweK7U62S/g',
      keyHash: 'tna593AaCmjTAruvjK7yF/Sv9xPoZONV2OHWuzbEQx4',
      iterations: 1,
      createdAtMs: 5,
      source: 'generated',
    }),
  );
  assert.ok(credential);
  assert.equal(verifyAdminKey(credential, 'cpamp_hEqKuHSEQKcSqGHTsQVolot4VRqOXrzg'), true);
  assert.equal(verifyAdminKey(credential, ' cpamp_hEqKuHSEQKcSqGHTsQVolot4VRqOXrzg\n'), true);
  for (const wrong of ['', 'cpamp_hEqKuHSEQKcSqGHTsQVolot4VRqOXrzh', 'cpamp_']) {
    assert.equal(verifyAdminKey(credential, wrong), false);
  }
  assert.deepEqual(credential.rotatedAtMs, 0);

  const recorded = parseCredential(
    '{"version":1,"salt":"hYE8Zumv7KyvNQRDSN8Z0Q","keyHash":"wBDPovFWMLdpGtGFOmK0A5Jq6NONhHELrIa9YEtjpkc","iterations":0,"createdAtMs":1795259364907,"source":"generated"}',
  );
  assert.ok(recorded);
  assert.equal(recorded.iterations, 1);
  assert.equal(verifyAdminKey(recorded, 'cpamp_ZZOQzJR5r685xhGmfTXTB1AShYhVeT3q'), true);
});

test('a credential with iterations is PBKDF2', () => {
  const salt = Buffer.alloc(16, 7);
  const keyHash = pbkdf2Sync('secret', salt, 1000, 32, 'sha256');
  const credential = {
    ...credentialFor('other', 'cli', NOW),
    salt: salt.toString('base64').replaceAll('=', ''),
    keyHash: keyHash.toString('base64').replaceAll('=', ''),
    iterations: 1000,
  };
  assert.equal(verifyAdminKey(credential, ' secret '), true);
  assert.equal(verifyAdminKey(credential, 'other'), false);
  assert.equal(verifyAdminKey({ ...credential, iterations: 1 }, 'secret'), false);
});

test('every key fits the credential made for it, through its row', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), fc.nat(), (key, now) => {
      const credential = credentialFor(key, 'env', now);
      const back = parseCredential(serialiseCredential(credential));
      assert.deepEqual(back, credential);
      assert.equal(verifyAdminKey(credential, key), true);
      assert.equal(verifyAdminKey(credential, `${key.trim()}x`), false);
    }),
  );
});

test('a credential row leaves out what is empty, and keeps the day of the first one', () => {
  const first = credentialFor('a key', 'generated', 1000);
  assert.deepEqual(
    Array.from(serialiseCredential(first).matchAll(/"(\w+)":/g), (match) => match[1]),
    ['version', 'salt', 'keyHash', 'iterations', 'createdAtMs', 'source'],
  );
  const second = credentialFor('another', 'cli', 2000, first);
  assert.equal(second.createdAtMs, 1000);
  assert.equal(second.rotatedAtMs, 2000);
  assert.notEqual(second.salt, first.salt);
  assert.deepEqual(parseCredential(serialiseCredential(second)), second);
});

test('a row that no key could match is no credential', () => {
  const good = credentialFor('a key', 'generated', 1000);
  for (const text of [
    '',
    'null',
    '[]',
    '"x"',
    '{}',
    JSON.stringify({ ...good, salt: '' }),
    JSON.stringify({ ...good, salt: 'a*b' }),
    JSON.stringify({ ...good, keyHash: 'c2hvcnQ' }),
    JSON.stringify({ ...good, keyHash: 5 }),
    JSON.stringify({ ...good, iterations: 2_000_000_000 }),
  ]) {
    assert.equal(parseCredential(text), null, text);
  }
});

test('generated admin keys have their form, and only short keys are weak', () => {
  const keys = new Set(Array.from({ length: 100 }, generateAdminKey));
  assert.equal(keys.size, 100);
  for (const key of keys) assert.match(key, /^cmp_admin_[A-Za-z0-9_-]{32}$/);
  assert.equal(isWeakAdminKey('fifteen letters'), true);
  assert.equal(isWeakAdminKey(' fifteen letters '), true);
  assert.equal(isWeakAdminKey('sixteen letters!'), false);
  assert.equal(isWeakAdminKey('🔑'.repeat(8)), true);
});

test('files are written whole and with their mode, or not at all', async (t) => {
  const directory = await tempDir(t);
  const path = join(directory, 'file');
  await writeFileAtomic(path, 'one');
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  await writeFileAtomic(path, bytes('two'), 0o666);
  assert.equal(await readFile(path, 'utf8'), 'two');
  assert.equal((await stat(path)).mode & 0o777, 0o666, 'the umask takes nothing away');

  await mkdir(join(directory, 'folder/in'), { recursive: true });
  await assert.rejects(writeFileAtomic(join(directory, 'folder'), 'x'));
  await assert.rejects(createFileAtomic(path, 'three'), { code: 'EEXIST' });
  assert.equal(await readFile(path, 'utf8'), 'two');
  const racing = await Promise.allSettled(
    Array.from({ length: 5 }, (_, index) => createFileAtomic(join(directory, 'once'), String(index))),
  );
  const winner = racing.findIndex((one) => one.status === 'fulfilled');
  assert.equal(racing.filter((one) => one.status === 'fulfilled').length, 1);
  assert.equal(await readFile(join(directory, 'once'), 'utf8'), String(winner));
  assert.deepEqual((await readdir(directory)).sort(), ['file', 'folder', 'once']);
});
