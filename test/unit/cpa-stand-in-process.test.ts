import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import test from 'node:test';
import { fileURLToPath } from 'node:url';

import { isObject, jsonObject } from '../support/cpa/json.ts';
import { recordedUsage } from '../support/cpa/recordings.ts';
import { recordSource, records } from '../support/cpa/records.ts';
import { RespClient } from '../support/cpa/resp-client.ts';
import { CPA_VERSIONS } from '../support/cpa/versions.ts';

test('made records are the recorded ones with a time and an id of their own', () => {
  for (const version of CPA_VERSIONS) {
    const recorded = recordedUsage(version);
    const source = recordSource({ version });
    const now = Date.UTC(2026, 10, 21, 12, 0, 0, 7);
    for (const original of recorded) {
      const made = jsonObject(source.next(now));
      const { timestamp, request_id: id } = made;
      assert.match(String(timestamp), /^2026-11-21T12:00:00\.007\d{5}1Z$/u);
      assert.match(String(id), /^[0-9a-f]{8}$/u);
      assert.deepEqual(
        { ...made, timestamp: 0, request_id: 0 },
        { ...jsonObject(original), timestamp: 0, request_id: 0 },
      );
    }
  }
});

test('ids do not repeat, and headers can be left out', () => {
  const version = '7.2.140';
  const ids = (seed: number): unknown[] =>
    records(5000, { version, seed }, 0).map((made) => jsonObject(made)['request_id']);
  assert.equal(new Set([...ids(1), ...ids(2)]).size, 10_000);
  const bare = records(18, { version, withHeaders: false }, 0).map((made) => jsonObject(made));
  assert.ok(bare.every((made) => !('response_headers' in made)));
});

test('the stand-in as a process publishes, obeys and ends', async () => {
  const main = fileURLToPath(new URL('../support/cpa/main.ts', import.meta.url));
  const args = ['--key', 'k', '--backlog', '30', '--exit-with-stdin'];
  const child = spawn(process.execPath, [main, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  try {
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const hello = jsonObject(String((await lines.next()).value));
    const order = async (path: string): Promise<Record<string, unknown>> => {
      const answer = await fetch(`http://127.0.0.1:${String(hello['controlPort'])}${path}`, {
        method: 'POST',
      });
      return jsonObject(await answer.text());
    };
    using client = await RespClient.connect(Number(hello['port']));
    client.send('AUTH', 'k');
    client.send('LPOP', 'usage', '20');
    assert.equal(await client.line(), '+OK');
    assert.equal(await client.line(), '*20');
    client.send('SUBSCRIBE', 'usage');
    await order('/subscribed');
    const ran = await order('/run?rate=4000&count=200');
    assert.equal(ran['sent'], 200);
    const { counts } = await order('/settled');
    assert.ok(isObject(counts));
    assert.deepEqual(
      [counts['published'], counts['queued'], counts['delivered'], counts['dropped']],
      [230, 10, 220, 0],
    );
  } finally {
    child.stdin.end();
  }
  assert.deepEqual(await exited, [0, null]);
});
