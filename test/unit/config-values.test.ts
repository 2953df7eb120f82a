import assert from 'node:assert/strict';
import test from 'node:test';
import * as fc from 'fast-check';
import {
  isAddressRange,
  parseBoolean,
  parseListenAddress,
  parsePositive,
} from '../../src/lib/config/values.ts';

test('addresses to listen on', () => {
  assert.deepEqual(parseListenAddress('localhost:0'), { host: 'localhost', port: 0, text: 'localhost:0' });
  assert.deepEqual(parseListenAddress('[fe80::1%eth0]:1')?.host, 'fe80::1%eth0');
  for (const wrong of [
    '',
    ':',
    'a:',
    '8080',
    '::1:8080',
    '[127.0.0.1]:1',
    '[]:1',
    'a b:1',
    'http://a:1',
    'a:+1',
  ]) {
    assert.equal(parseListenAddress(wrong), null, wrong);
  }
  fc.assert(
    fc.property(fc.ipV6(), fc.nat(65_535), (host, port) => {
      assert.deepEqual(parseListenAddress(`[${host}]:${port}`), { host, port, text: `[${host}]:${port}` });
    }),
  );
});

test('numbers, booleans and address ranges', () => {
  fc.assert(
    fc.property(fc.integer({ min: -5, max: 2 ** 31 + 5 }), (value) => {
      assert.equal(parsePositive(String(value)), value >= 1 && value < 2 ** 31 ? value : null);
    }),
  );
  for (const wrong of ['', '1e3', '0x10', '1_000', '1 0', '٣'])
    assert.equal(parsePositive(wrong), null, wrong);
  assert.deepEqual(['1', 'TRUE', 'yes', 'On', '0', 'false', 'No', 'off', 'y', '2'].map(parseBoolean), [
    ...Array(4).fill(true),
    ...Array(4).fill(false),
    null,
    null,
  ]);
  for (const right of ['10.0.0.1', '10.0.0.0/0', '::/0', 'fd00::/128', '::ffff:10.0.0.1']) {
    assert.equal(isAddressRange(right), true, right);
  }
  for (const wrong of [
    '',
    '10.0.0.0/33',
    '::/129',
    '10.0.0/8',
    '10.0.0.0/',
    '10.0.0.0/8/8',
    'fe80::1%eth0',
    '*',
  ]) {
    assert.equal(isAddressRange(wrong), false, wrong);
  }
});
