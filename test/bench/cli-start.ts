/**
 * How long the command line takes to answer, beside Node itself, which does nothing. CPU time is what counts on a busy
 * machine.
 *
 *     npm run build && node test/bench/cli-start.ts [--runs 20] [--dir DIR]
 */
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: { runs: { type: 'string', default: '20' }, dir: { type: 'string', default: tmpdir() } },
});
const PROGRAM = new URL('../../dist/bin/cpamp.js', import.meta.url).pathname;
const runs = Number(values.runs);

/** Runs in a shell that tells what its children took, user and system, in hundredths of a second or better. */
function cpuMs(args: readonly string[]): number {
  const loop = 'i=0; while [ $i -lt "$0" ]; do "$@" >/dev/null 2>&1; i=$((i + 1)); done; times';
  const done = spawnSync('bash', ['-c', loop, String(runs), process.execPath, ...args], {
    encoding: 'utf8',
    env: { ...process.env, USAGE_DATA_DIR: values.dir },
  });
  const children = done.stdout.trimEnd().split('\n').at(-1) ?? '';
  const spent = [...children.matchAll(/(\d+)m([\d.]+)s/g)].map(
    ([, minutes, seconds]) => Number(minutes) * 60_000 + Number(seconds) * 1000,
  );
  return spent.reduce((sum, ms) => sum + ms, 0) / runs;
}

function wallMs(args: readonly string[]): number {
  const times = Array.from({ length: runs }, () => {
    const begun = performance.now();
    spawnSync(process.execPath, args, {
      stdio: 'ignore',
      env: { ...process.env, USAGE_DATA_DIR: values.dir },
    });
    return performance.now() - begun;
  });
  return Math.min(...times);
}

for (const [name, args] of [
  ['node -e 0', ['-e', '0']],
  ['cpamp --version', [PROGRAM, '--version']],
  ['cpamp --help', [PROGRAM, '--help']],
  ['cpamp completion --list models', [PROGRAM, 'completion', '--list', 'models']],
  ['cpamp events', [PROGRAM, 'events']],
] as const) {
  const line = { name, cpuMs: Math.round(cpuMs(args)), fastestMs: Math.round(wallMs(args)) };
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
