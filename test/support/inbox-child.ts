import { writeSync } from 'node:fs';
import { openInbox } from '../../src/daemon/collector/inbox/inbox.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { box, record } from './inbox-harness.ts';

/**
 * Appends records under load and prints the number of each one once it is durable, and every change of state:
 * `node inbox-child.ts <dir> <first number> <how many> [segment bytes]`. Made to be killed at any moment.
 */
const [, , dir = '', first = '0', count = '0', segmentBytes = '524288'] = process.argv;

/** Past every buffer of ours: what was printed before a kill arrives. */
function say(line: string): void {
  writeSync(1, `${line}\n`);
}

const inbox = await openInbox({
  dir,
  box,
  clock: systemClock,
  after: null,
  onDamage: (damage) => say(`damage ${damage.detail}`),
  limits: { segmentBytes: Number(segmentBytes) },
});
inbox.onStateChange(({ state, error }) => say(`state ${state} ${error}`));
say('open');

const end = Number(first) + Number(count);
const inFlight = new Set<Promise<void>>();
for (let n = Number(first); n < end; n += 1) {
  const payloadBytes = 200 + ((n * 7919) % 3000);
  const acknowledged: Promise<void> = inbox.append([record(n, payloadBytes)]).then(() => {
    inFlight.delete(acknowledged);
    say(String(n));
    return undefined;
  });
  inFlight.add(acknowledged);
  // Several group commits at a time are under way, as under load.
  if (inFlight.size >= 500) await Promise.race(inFlight);
}
await Promise.all(inFlight);
await inbox.close();
