import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { systemClock } from '../../src/lib/clock.ts';
import { diagnose } from '../../src/lib/gateway/diagnoses.ts';
import { testConnection, type TestConnectionOptions } from '../../src/lib/gateway/test-connection.ts';
import { records } from '../support/cpa/records.ts';
import { CpaStandIn, type StandInOptions } from '../support/cpa/stand-in.ts';
import { KEY, memoryBreaker } from '../support/transport-run.ts';

async function start(t: TestContext, options: Partial<StandInOptions> = {}): Promise<CpaStandIn> {
  const cpa = await CpaStandIn.start({ version: '7.2.140', managementKey: KEY, ...options });
  t.after(() => cpa.close());
  return cpa;
}

const tryOut = (
  cpa: CpaStandIn,
  options: Partial<TestConnectionOptions> = {},
): ReturnType<typeof testConnection> =>
  testConnection(
    { baseUrl: cpa.url, managementKey: KEY, tlsSkipVerify: false },
    { breaker: memoryBreaker(), clock: systemClock, inContainer: false, ...options },
  );

test('a gateway as it should be: no finding, and no record taken', async (t) => {
  const cpa = await start(t);
  for (const record of records(3, { version: '7.2.140' })) cpa.publish(record);
  const { info, findings } = await tryOut(cpa);
  assert.deepEqual(findings, []);
  assert.equal(info?.version, '7.2.140');
  assert.equal(cpa.counts().queued, 3);
  assert.deepEqual(
    cpa.connections.filter((one) => one.protocol === 'resp').map((one) => one.commands),
    [[['auth', KEY]]],
  );
});

test('what costs records or details is found, the gravest first', async (t) => {
  const cpa = await start(t, { version: '6.10.8', usageStatisticsEnabled: false, retentionSeconds: 60 });
  const { findings } = await tryOut(cpa, { pollIntervalMs: 90_000 });
  assert.deepEqual(
    findings.map(({ code }) => code),
    [
      'too_old_for_subscribe',
      'publishing_off',
      'poll_exceeds_retention',
      'retention_short',
      'older_than_recommended',
    ],
  );
  for (const { code, facts } of findings) assert.ok(!diagnose(code, 0, facts).message.includes('undefined'));
  assert.match(diagnose('poll_exceeds_retention', 0, findings[2]!.facts).message, /every 90 s.*only 60 s/);
});

test('a wrong key costs one login, and is not tried again', async (t) => {
  const cpa = await start(t, { managementKey: 'another' });
  const breaker = memoryBreaker();
  for (let round = 0; round < 6; round += 1) {
    const { info, findings } = await tryOut(cpa, { breaker });
    assert.equal(info, null);
    assert.deepEqual(
      findings.map(({ code }) => code),
      ['key_refused'],
    );
    assert.ok(!JSON.stringify(findings).includes(KEY));
  }
  assert.equal(cpa.access.failures(), 1);
});

test('RESP that does not come through is found, unless it is not wanted', async (t) => {
  const cpa = await start(t);
  cpa.resp.misbehaveOnce('http-400', 'auth');
  const { info, findings } = await tryOut(cpa);
  assert.equal(info?.version, '7.2.140');
  assert.deepEqual(
    findings.map(({ code }) => code),
    ['resp_through_http'],
  );
  const connections = cpa.connections.length;
  assert.deepEqual((await tryOut(cpa, { mode: 'http' })).findings, []);
  assert.equal(cpa.connections.length, connections + 1);
});

test('a gateway that is not there', async () => {
  const { info, findings } = await testConnection(
    { baseUrl: 'http://127.0.0.1:1', managementKey: KEY, tlsSkipVerify: false },
    { breaker: memoryBreaker(), clock: systemClock, inContainer: true },
  );
  assert.equal(info, null);
  assert.deepEqual(
    findings.map(({ code }) => code),
    ['loopback_in_container'],
  );
});
