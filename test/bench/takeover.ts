/**
 * How quick an old volume is copied, and compared afterwards: a volume is written as an older program would have left it,
 * and copied into an empty database by the workers that `serve` and `migrate` use.
 *
 *     node test/bench/takeover.ts [--events 200000] [--generation cpa-manager-plus-1.12.2] [--beside]
 *
 * Prints a JSON object. `--beside`: with the pauses that a daemon gets.
 */
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { carryOver } from '../../src/lib/migrate/carry.ts';
import { copyApart, storeLetters } from '../../src/lib/migrate/copy-apart.ts';
import { reportApart } from '../../src/lib/migrate/report-apart.ts';
import { createSecretBox } from '../../src/lib/secrets/secret-box.ts';
import { startWriter } from '../../src/lib/store/writer.ts';
import { GENERATIONS } from '../support/old-volumes/generations.ts';
import { makeOldVolume } from '../support/old-volumes/make.ts';

const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '200000' },
    generation: { type: 'string', default: 'cpa-manager-plus-1.12.2' },
    beside: { type: 'boolean', default: false },
  },
});
const generation = GENERATIONS.find((name) => name === values.generation);
if (generation === undefined) throw new Error(`no generation ${values.generation}`);
const dir = mkdtempSync(join(tmpdir(), 'cpamp-bench-takeover-'));
const pace = values.beside
  ? { maxRows: 500, maxMs: 25, pause: true }
  : { maxRows: 4000, maxMs: 500, pause: false };

const bytes = (path: string): number =>
  ['', '-wal'].reduce((sum, end) => sum + (existsSync(path + end) ? statSync(path + end).size : 0), 0);
/** Of all threads: on a busy machine the only figure that says something. */
const cpuSeconds = (since: NodeJS.CpuUsage): number => {
  const { user, system } = process.cpuUsage(since);
  return Number(((user + system) / 1e6).toFixed(2));
};
const seconds = (since: number): number => Number(((performance.now() - since) / 1000).toFixed(2));

try {
  const volume = makeOldVolume(join(dir, 'old'), { generation, events: Number(values.events), days: 365 });
  const dbPath = join(dir, 'usage.sqlite');
  const dataKey =
    volume.dataKeyFile === null ? Buffer.alloc(32, 7) : Buffer.from(volume.dataKeyFile, 'base64');
  const box = createSecretBox(dataKey);
  const common = { oldPath: volume.dbPath, dbPath, source: 'bench', nowMs: Date.now() };
  const { signal } = new AbortController();
  const { gateway } = carryOver({ ...common, oldBox: box, box });
  const writer = await startWriter({ dbPath, dataKey });
  const begun = performance.now();
  const begunCpu = process.cpuUsage();
  const { outcome } = await copyApart({
    ...common,
    gateway,
    batchRows: 2000,
    store: (batch, mark) => writer.importEvents(batch, pace, mark),
    storeLetters: (letters) => storeLetters(writer, 1, letters),
    signal,
  });
  const copySeconds = seconds(begun);
  const copyCpuSeconds = cpuSeconds(begunCpu);
  const comparedCpu = process.cpuUsage();
  const compared = performance.now();
  const report = await reportApart({ ...common, beside: true, oldDataKey: dataKey, dataKey, signal });
  const compareSeconds = seconds(compared);
  const compareCpuSeconds = cpuSeconds(comparedCpu);
  await writer.close();
  const figures = {
    generation,
    events: outcome.added,
    copySeconds,
    copyCpuSeconds,
    rowsPerSecond: Math.round(outcome.added / copySeconds),
    compareSeconds,
    compareCpuSeconds,
    state: report.state,
    oldMiB: Math.round(bytes(volume.dbPath) / 2 ** 20),
    newMiB: Math.round(bytes(dbPath) / 2 ** 20),
  };
  console.log(JSON.stringify(figures, null, 2));
} finally {
  rmSync(dir, { recursive: true, force: true });
}
