import { systemClock } from '../../src/lib/clock.ts';
import { moveAside } from '../../src/lib/migrate/aside.ts';
import { finishMoves } from '../../src/lib/migrate/finish-moves.ts';
import { recognise } from '../../src/lib/migrate/recognise.ts';
import { deleteOldVolume, oldVolumes } from '../../src/lib/migrate/old-volume.ts';
import { rollback } from '../../src/lib/migrate/rollback.ts';

// Moves the files of a database, and is killed after the step whose number it is given; 0: never. Says each step.
const [, , what = '', dbPath = '', killAfter = '0', how = 'link'] = process.argv;

let steps = 0;
/** The same in every run, and the names of folders with it. */
const clock = { ...systemClock, now: () => Date.UTC(2026, 10, 21, 12) };
const hooks = {
  clock,
  onStep: (name: string) => {
    steps += 1;
    process.stdout.write(`${name}\n`);
    if (steps === Number(killAfter)) process.kill(process.pid, 'SIGKILL');
  },
  ...(how === 'rename'
    ? {
        link: () => {
          throw Object.assign(new Error('no links here'), { code: 'EPERM' });
        },
      }
    : {}),
};

if (what === 'aside') {
  const found = await recognise(dbPath);
  if (found.kind !== 'old') throw new Error(`there is nothing old: ${found.kind}`);
  const { kind: _, ...from } = found;
  await moveAside(dbPath, from, hooks);
} else if (what === 'rollback') {
  await rollback(dbPath, hooks);
} else if (what === 'delete') {
  const [volume] = await oldVolumes(dbPath);
  await deleteOldVolume(dbPath, volume?.name ?? '', { ...hooks, unfinished: true });
} else {
  await finishMoves(dbPath, hooks);
}
