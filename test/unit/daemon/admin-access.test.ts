import assert from 'node:assert/strict';
import test from 'node:test';
import { AppError } from '../../../src/lib/errors.ts';
import { AdminAccess } from '../../../src/daemon/admin-access.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const RIGHT = 'cmp_admin_right-key-of-the-test-000000';
const MANAGEMENT = 'management-key-of-the-gateway';

function access() {
  const clock = new FakeClock();
  const admin = new AdminAccess({ clock, verify: (key) => key === RIGHT, managementKey: () => MANAGEMENT });
  const answer = (authorization: string | undefined, address = '192.0.2.1'): AppError | null => {
    try {
      admin.require(authorization, address);
      return null;
    } catch (error) {
      if (error instanceof AppError) return error;
      throw error;
    }
  };
  return { clock, answer };
}

test('the scheme may be written in any case, and the key is trimmed', () => {
  const { answer } = access();
  for (const header of [`Bearer ${RIGHT}`, `bearer    ${RIGHT} `, `BEARER ${RIGHT}`])
    assert.equal(answer(header), null);
  for (const header of [undefined, '', RIGHT, `Basic ${RIGHT}`, 'Bearer ', 'Bearer wrong']) {
    assert.equal(answer(header)?.code, 'invalid_admin_key', String(header));
  }
});

test('after ten wrong keys a minute further ones are told to wait, up to five minutes, and a right one passes', async () => {
  const { answer, clock } = access();
  for (let attempt = 0; attempt < 10; attempt += 1)
    assert.equal(answer('Bearer wrong')?.code, 'invalid_admin_key');
  const waits: number[] = [];
  for (let round = 0; round < 6; round += 1) {
    for (let attempt = 0; attempt < 20; attempt += 1) {
      const refused = answer('Bearer wrong');
      if (refused?.code !== 'too_many_attempts') continue;
      const seconds = Number(refused.headers['retry-after']);
      waits.push(seconds);
      assert.equal(answer(`Bearer ${RIGHT}`), null, 'a right key passes while its address is throttled');
      await clock.advance(seconds * 1_000);
      break;
    }
  }
  assert.deepEqual(waits, [30, 60, 120, 240, 300, 300]);
});

test('a request without any key is not an attempt', () => {
  const { answer } = access();
  for (let request = 0; request < 100; request += 1)
    assert.equal(answer(undefined)?.code, 'invalid_admin_key');
});

test('addresses are throttled apart, those of one IPv6 network together', () => {
  const { answer } = access();
  for (let attempt = 0; attempt < 11; attempt += 1)
    answer('Bearer wrong', `2001:db8:1:2::${attempt.toString(16)}`);
  assert.equal(answer('Bearer wrong', '2001:db8:1:2:ffff:ffff:ffff:ffff')?.code, 'too_many_attempts');
  assert.equal(answer('Bearer wrong', '2001:db8:1:3::1')?.code, 'invalid_admin_key');
  for (let attempt = 0; attempt < 11; attempt += 1) answer('Bearer wrong', '198.51.100.7');
  assert.equal(
    answer('Bearer wrong', '::ffff:198.51.100.7')?.code,
    'too_many_attempts',
    'mapped IPv4 is IPv4',
  );
  assert.equal(answer('Bearer wrong', '198.51.100.8')?.code, 'invalid_admin_key');
});

test('the key of the gateway is recognised in the wrong place', () => {
  const { answer } = access();
  const refused = answer(`Bearer ${MANAGEMENT}`);
  assert.equal(refused?.code, 'cpa_key_given');
  assert.equal(refused.status, 401);
  assert.doesNotMatch(refused.message + refused.hint, new RegExp(MANAGEMENT));
});
