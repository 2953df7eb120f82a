import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, test } from 'node:test';
import {
  area,
  chooseLanguage,
  fill,
  follow,
  language,
  preferredLanguage,
  type Catalogue,
} from '../../../panel/src/i18n/i18n.ts';

const FOLDER = join(import.meta.dirname, '../../../panel/src/i18n');

afterEach(() => language.set('en'));

const texts = area<{
  readonly hello: 'Hello {name}';
  readonly calls: { one: '{n} call'; other: '{n} calls' };
}>({
  en: async () => ({ default: { hello: 'Hello {name}', calls: { one: '{n} call', other: '{n} calls' } } }),
  'zh-CN': async () => ({ default: { hello: '{name}，你好', calls: { other: '{n} 次调用' } } }),
});

test('texts are filled, counted and switched', async () => {
  await texts.load();
  await texts.load('zh-CN');
  assert.equal(texts.t('hello', { name: '{n}' }), 'Hello {n}');
  assert.equal(texts.t('calls', { n: 1 }), '1 call');
  assert.equal(texts.t('calls', { n: 1234 }), '1,234 calls');
  language.set('zh-CN');
  assert.equal(texts.t('hello', { name: 'a' }), 'a，你好');
  assert.equal(texts.t('calls', { n: 1 }), '1 次调用');
  assert.equal(texts.has('hello'), true);
  assert.equal(texts.has('toString'), false);
});

test('texts that are asked for while the language changes are there in the new one', async (t) => {
  Reflect.set(globalThis, 'document', { documentElement: {} });
  t.after(() => Reflect.deleteProperty(globalThis, 'document'));
  const asked = Promise.withResolvers<void>();
  const slow = area<{ readonly yes: 'yes' }>({
    en: async () => ({ default: { yes: 'yes' } }),
    'zh-CN': async () => {
      await asked.promise;
      return { default: { yes: '是' } };
    },
  });
  const late = area<{ readonly no: 'no' }>({
    en: async () => ({ default: { no: 'no' } }),
    'zh-CN': async () => ({ default: { no: '否' } }),
  });
  await slow.load();
  const chosen = chooseLanguage('zh-CN');
  await late.load();
  asked.resolve();
  await chosen;
  assert.equal(slow.t('yes'), '是');
  assert.equal(late.t('no'), '否');
});

test('what is not known stays as it is', () => {
  assert.equal(fill('en', 'a {b} {c}', { b: 1 }), 'a 1 {c}');
});

test('what follows the language is loaded for the one in use', async () => {
  const loaded: string[] = [];
  await follow({
    load: async (wanted) => {
      loaded.push(wanted);
    },
  });
  assert.deepEqual(loaded, ['en']);
});

test('the saved language wins, then the first of the browser that there is', () => {
  assert.equal(preferredLanguage('zh-CN', ['en']), 'zh-CN');
  assert.equal(preferredLanguage('xx', ['fr', 'zh-TW', 'en']), 'zh-CN');
  assert.equal(preferredLanguage(null, ['de', 'en-GB', 'zh']), 'en');
  assert.equal(preferredLanguage(null, ['de']), 'en');
});

/** The types hold the keys together; they do not see into the texts. */
test('every text has the same places to fill in each language', async () => {
  const read = async (wanted: string, name: string): Promise<Catalogue> =>
    (await import(join(FOLDER, wanted, name))).default;
  const places = (message: Catalogue[string]): readonly string[] => {
    const text = typeof message === 'string' ? message : message.other;
    return [...text.matchAll(/\{(\w+)\}/g)].map(([whole]) => whole).toSorted();
  };
  const names = readdirSync(join(FOLDER, 'en'));
  assert.ok(names.length >= 3);
  for (const name of names) {
    const english = await read('en', name);
    const chinese = await read('zh-CN', name);
    assert.deepEqual(Object.keys(chinese).toSorted(), Object.keys(english).toSorted(), name);
    for (const [key, message] of Object.entries(english)) {
      assert.deepEqual(places(chinese[key] ?? ''), places(message), `${name}: ${key}`);
    }
  }
});
