import assert from 'node:assert/strict';
import test from 'node:test';
import { gzipSync } from 'node:zlib';
import { firstLoad, pageSize, panelFiles, sumOf } from '../support/panel-size.ts';
import { anonymous, ask, startReady } from '../support/http.ts';

/** Bytes, compressed by gzip, which is what browsers get over plain http; brotli takes less. */
const FIRST_LOAD_LIMIT = 80_000;
const WHOLE_LIMIT = 300_000;

for (const language of ['en', 'zh-CN'] as const) {
  test(`the login is shown after at most 80 KB: ${language}`, () => {
    const files = firstLoad(language);
    const kinds = ['main', 'login-page', 'login-form', 'tokens', 'theme', 'mark', `texts-${language}`];
    for (const kind of [...kinds, `${language}-login`]) {
      assert.ok(
        files.some(({ name }) => name.startsWith(`${kind}-`)),
        `${kind} belongs to it`,
      );
    }
    const size = pageSize() + sumOf(files, 'gzip');
    assert.ok(
      size <= FIRST_LOAD_LIMIT,
      `${size} bytes: ${files.map(({ name, gzip }) => `${name} ${gzip}`).join(', ')}`,
    );
    assert.ok(sumOf(files, 'brotli') < sumOf(files, 'gzip'));
  });
}

test('the whole panel is at most 300 KB', () => {
  const size = pageSize() + sumOf(panelFiles(), 'gzip');
  assert.ok(size <= WHOLE_LIMIT, `${size} bytes`);
});

test('what is served is as small as what was built', async (t) => {
  const daemon = await startReady(t);
  const page = await ask(daemon, '/management.html', anonymous());
  assert.equal(page.status, 200);
  for (const { name, gzip, brotli } of panelFiles()) {
    for (const [encoding, size] of [
      ['gzip', gzip],
      ['br', brotli],
    ] as const) {
      const answer = await fetch(`${daemon.url}/usage-service/panel/${name}`, {
        method: 'HEAD',
        headers: { 'accept-encoding': encoding },
      });
      assert.equal(answer.headers.get('content-encoding'), encoding, name);
      assert.equal(Number(answer.headers.get('content-length')), size, `${name} by ${encoding}`);
    }
  }
  assert.ok(gzipSync(page.text).length < pageSize());
});
