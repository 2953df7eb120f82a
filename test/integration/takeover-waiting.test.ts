import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import Database from 'better-sqlite3';
import { systemClock } from '../../src/lib/clock.ts';
import { moveAside } from '../../src/lib/migrate/aside.ts';
import { recognise } from '../../src/lib/migrate/recognise.ts';
import { rollback } from '../../src/lib/migrate/rollback.ts';
import { gatewayEnv, sourceOf, startGateway, take } from '../support/collection.ts';
import { DaemonProcess, tempDir } from '../support/daemon.ts';
import { changeOld, NO_KEY, statusOf, takenOver } from '../support/takeover-serve.ts';
import { volumeCopy } from '../support/takeover.ts';

const HOLD = join(import.meta.dirname, '../support/hold-open.ts');

/** Has the database open as the old programs have it. */
async function holdOpen(t: TestContext, dataDir: string): Promise<{ pid: number; end(): Promise<void> }> {
  const child = spawn(process.execPath, [HOLD, join(dataDir, 'usage.sqlite'), 'read'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  return {
    pid: child.pid ?? 0,
    end: async () => {
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}

/** What the two files that hold rows are made of. */
function bytesOf(dataDir: string): string[] {
  return ['usage.sqlite', 'usage.sqlite-wal'].map((name) =>
    createHash('sha256')
      .update(readFileSync(join(dataDir, name)))
      .digest('hex'),
  );
}

test('an old program that runs is waited for, untouched, and taken over by itself when it ends', async (t) => {
  const dataDir = volumeCopy(t, 'cpa-manager-plus-1.12.2');
  const key = readFileSync(join(dataDir, 'ADMIN_KEY'), 'utf8').trim();
  const before = bytesOf(dataDir);
  const old = await holdOpen(t, dataDir);
  const daemon = await DaemonProcess.start(t, { dataDir, env: NO_KEY });
  const told = (): Record<string, unknown> | undefined =>
    daemon.log.find((line) => line['code'] === 'old_program_running');
  await daemon.until(() => told() !== undefined);

  assert.match(String(told()?.['msg']), new RegExp(`process ${old.pid} \\(.*hold-open`));
  assert.ok(String(told()?.['fix']).includes(`kill ${old.pid}`));
  assert.deepEqual(await (await fetch(`${daemon.url}/health`)).json(), {
    ok: true,
    service: 'cpa-manager-plus',
    takeover: { state: 'waiting', percent: 0 },
  });
  const answer = await daemon.request('/status');
  assert.equal(answer.status, 503);
  assert.match(await answer.text(), /"code":"taking_over"/);
  assert.deepEqual(bytesOf(dataDir), before);
  assert.ok(!existsSync(join(dataDir, 'pre-cpamp')));

  await old.end();
  assert.equal((await takenOver(daemon, key)).state, 'equal');
  const { health } = await statusOf(daemon, key);
  assert.ok(health.reasons.every(({ code }) => code !== 'old_program_running'));
  assert.equal(await daemon.stop(), 0);
});

test('a start that waits ends in good order', async (t) => {
  const dataDir = volumeCopy(t, 'cpa-manager-1.1.4');
  await holdOpen(t, dataDir);
  const daemon = await DaemonProcess.start(t, { dataDir });
  await daemon.until(() => daemon.log.some((line) => line['code'] === 'old_program_running'));
  assert.equal(await daemon.stop(), 0);
  assert.ok(!existsSync(join(dataDir, 'pre-cpamp')));
});

test('too little room is said with the number before anything moves, and looked at again', async (t) => {
  // As the ids go, there are more events than any disk has room for.
  const dataDir = changeOld(t, volumeCopy(t, 'cpa-manager-1.1.4'), (db) =>
    db.exec('UPDATE usage_events SET id = 4000000000000 WHERE id = (SELECT max(id) FROM usage_events)'),
  );
  const before = bytesOf(dataDir);
  const daemon = await DaemonProcess.start(t, { dataDir });
  const told = (): Record<string, unknown> | undefined =>
    daemon.log.find((line) => line['code'] === 'takeover_space');
  await daemon.until(() => told() !== undefined);

  assert.match(String(told()?.['msg']), /needs \d+ MiB in .*, and \d+(\.\d)? MiB are free/);
  assert.deepEqual(bytesOf(dataDir), before);
  assert.ok(!existsSync(join(dataDir, 'pre-cpamp')));

  const db = new Database(join(dataDir, 'usage.sqlite'));
  db.exec('UPDATE usage_events SET id = 4000 WHERE id = 4000000000000');
  db.close();
  assert.equal((await takenOver(daemon)).now.events, 26);
  assert.equal(await daemon.stop(), 0);
});

test('a rollback that was cut short is brought to its end, and the volume then left alone', async (t) => {
  const dataDir = volumeCopy(t, 'cpa-manager-1.1.4');
  const dbPath = join(dataDir, 'usage.sqlite');
  const before = bytesOf(dataDir);
  const found = await recognise(dbPath);
  assert.ok(found.kind === 'old');
  await moveAside(dbPath, found, { clock: systemClock });
  // The old main file is back, and nothing says yet that it is over.
  let links = 0;
  const cut = rollback(dbPath, {
    clock: systemClock,
    onStep: (step) => {
      // The first one is of ours, on its way out.
      links += step === 'link usage.sqlite' ? 1 : 0;
      if (links === 2) throw new Error('cut short');
    },
  });
  await assert.rejects(cut);

  const daemon = DaemonProcess.spawn(t, { dataDir });
  assert.equal(await daemon.exit(), 1);
  assert.match(daemon.stderr.join('\n'), /the old database is back in its place/);
  assert.deepEqual(bytesOf(dataDir), before);
});

test('without history a start says so, and where it looked', async (t) => {
  const dataDir = join(tempDir(t), 'data');
  mkdirSync(dataDir, { mode: 0o700 });
  const cpa = await startGateway(t);
  const daemon = await DaemonProcess.start(t, { dataDir, env: gatewayEnv(cpa.url) });
  const { health, takeover } = await statusOf(daemon);
  const reason = health.reasons.find(({ code }) => code === 'no_history');
  assert.ok(reason !== undefined);
  assert.ok(reason.message.includes(join(dataDir, 'usage.sqlite')), reason.message);
  assert.match(reason.fix, /cpamp migrate --from/);
  assert.ok(daemon.log.some((line) => line['code'] === 'no_history'));
  assert.equal(takeover, null);
  assert.deepEqual(await daemon.json('/usage-service/takeover'), { takeover: null, report: null });

  await cpa.publishAll(take(sourceOf('7.2.140'), 1));
  await daemon.statusUntil((status) => status.health.reasons.every(({ code }) => code !== 'no_history'));
  assert.equal(await daemon.stop(), 0);
});
