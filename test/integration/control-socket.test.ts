import assert from 'node:assert/strict';
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';
import { askDaemon, controlSocketPath } from '../../src/lib/control.ts';
import { DaemonProcess, tempDir } from '../support/daemon.ts';

const db = (dir: string): string => join(dir, 'usage.sqlite');

test('the socket answers the status, for its owner alone, and goes with the daemon', async (t) => {
  const dataDir = tempDir(t);
  const daemon = await DaemonProcess.start(t, { dataDir });
  await daemon.statusUntil(() => true);
  const path = join(dataDir, 'cpamp.sock');
  assert.equal(controlSocketPath(db(dataDir)), path);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  const answer = await askDaemon(db(dataDir), 'status');
  assert.ok(answer?.ok);
  assert.equal(answer.pid, daemon.child.pid);
  const told = Object.keys(answer.result ?? {}).toSorted();
  assert.deepEqual(told, Object.keys(await daemon.status()).toSorted());
  await daemon.stop();
  assert.equal(existsSync(path), false);
  assert.equal(await askDaemon(db(dataDir), 'status'), null);
});

test('a socket that a killed daemon left behind is replaced', async (t) => {
  const dataDir = tempDir(t);
  const first = await DaemonProcess.start(t, { dataDir });
  await first.kill();
  assert.ok(existsSync(join(dataDir, 'cpamp.sock')));
  assert.equal(await askDaemon(db(dataDir), 'status'), null);
  const second = await DaemonProcess.start(t, { dataDir });
  await second.statusUntil(() => true);
  const answer = await askDaemon(db(dataDir), 'status');
  assert.equal(answer?.pid, second.child.pid);
});

test('a path that is too long for the address of a socket is gone around', async (t) => {
  const dataDir = join(tempDir(t), 'x'.repeat(60), 'y'.repeat(60));
  mkdirSync(dataDir, { recursive: true });
  assert.ok(Buffer.byteLength(controlSocketPath(db(dataDir))) > 107);
  const daemon = await DaemonProcess.start(t, { dataDir });
  await daemon.statusUntil(() => true);
  const answer = await askDaemon(db(dataDir), 'status');
  if (process.platform === 'linux') assert.equal(answer?.pid, daemon.child.pid);
  else assert.ok(daemon.log.some(({ msg }) => String(msg).includes('socket')));
  assert.equal(await daemon.stop(), 0);
  assert.equal(existsSync(controlSocketPath(db(dataDir))), false);
});

test('two databases in one folder have a socket each', async (t) => {
  const dataDir = tempDir(t);
  const other = join(dataDir, 'other.sqlite');
  const first = await DaemonProcess.start(t, { dataDir });
  const second = await DaemonProcess.start(t, { dataDir, env: { USAGE_DB_PATH: other } });
  await first.statusUntil(() => true);
  await second.statusUntil(() => true);
  assert.equal((await askDaemon(db(dataDir), 'status'))?.pid, first.child.pid);
  assert.equal((await askDaemon(other, 'status'))?.pid, second.child.pid);
});

test('what is not understood is refused, and a flood is cut off', async (t) => {
  const dataDir = tempDir(t);
  const daemon = await DaemonProcess.start(t, { dataDir });
  const say = async (text: string): Promise<string> => {
    const socket = createConnection({ path: controlSocketPath(db(dataDir)) }).setEncoding('utf8');
    let heard = '';
    socket.on('data', (part: string) => (heard += part)).on('error', () => {});
    socket.write(text);
    await once(socket, 'close');
    return heard;
  };
  for (const text of ['nonsense\n', '{"command":"stop"}\n', '[]\n', 'x'.repeat(2 * 1024 * 1024)]) {
    const heard = await say(text);
    if (heard !== '') assert.match(heard, /"code":"invalid_request"/);
    else assert.ok(text.length > 1024 * 1024);
  }
  assert.ok(!daemon.exited);
});

test('a file in the place of the socket is replaced, and a daemon runs without one where none can be', async (t) => {
  const dataDir = tempDir(t);
  writeFileSync(join(dataDir, 'cpamp.sock'), 'left by somebody');
  const daemon = await DaemonProcess.start(t, { dataDir });
  await daemon.statusUntil(() => true);
  assert.equal((await askDaemon(db(dataDir), 'status'))?.pid, daemon.child.pid);
  await daemon.stop();
  // A folder cannot be replaced by a rename.
  mkdirSync(join(dataDir, 'cpamp.sock'));
  const without = await DaemonProcess.start(t, { dataDir });
  await without.statusUntil(() => true);
  assert.ok(without.log.some(({ msg }) => String(msg).includes('its socket cannot be made')));
});
