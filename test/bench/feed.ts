/**
 * The live stream under load: the same ingest without listeners and with them, against the gateway's stand-in in a
 * process of its own. The daemon is the compiled one.
 *
 *     npm run build && node test/bench/feed.ts [--rate 5000] [--seconds 20] [--clients 20] [--headers]
 *
 * Prints a JSON object for each of the two: what was stored and dropped, how far behind it was at the end, what the
 * listeners got, event-loop delay, memory.
 */
import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { parseArgs } from 'node:util';
import { ADMIN_KEY, Live } from './live.ts';

const { values } = parseArgs({
  options: {
    rate: { type: 'string', default: '5000' },
    seconds: { type: 'string', default: '20' },
    clients: { type: 'string', default: '20' },
    headers: { type: 'boolean', default: false },
  },
});
const rate = Number(values.rate);
const seconds = Number(values.seconds);

interface Listener {
  messages: number;
  events: number;
  bytes: number;
}

/** Reads all that comes and looks only at the beginning of each message. */
async function listen(url: string): Promise<Listener> {
  const heard: Listener = { messages: 0, events: 0, bytes: 0 };
  const sent = request(`${url}/v0/management/events/stream`, {
    headers: { authorization: `Bearer ${ADMIN_KEY}` },
  });
  sent.end();
  const [answer]: IncomingMessage[] = await once(sent, 'response');
  let cut = '';
  answer?.setEncoding('latin1').on('data', (text: string) => {
    heard.bytes += text.length;
    const whole = cut + text;
    const end = whole.lastIndexOf('\n\n') + 1;
    for (const [, count] of whole.slice(0, end).matchAll(/^data: \{"last_id":\d+,"count":(\d+)/gm)) {
      heard.messages += 1;
      heard.events += Number(count);
    }
    cut = whole.slice(end);
  });
  answer?.on('error', () => {});
  return heard;
}

async function measure(clients: number): Promise<object> {
  const live = await Live.start({ backlog: 0, headers: values.headers });
  await live.control('/subscribed?count=1');
  const listeners = await Promise.all(Array.from({ length: clients }, () => listen(live.url)));
  const cpuBefore = live.cpuSeconds();
  const begun = performance.now();
  await live.control(`/run?rate=${rate}&count=${rate * seconds}`);
  await live.control('/settled');
  const sent = performance.now();
  const { counts } = await live.control('/counts');
  const end = await live.storedAtLeast(counts.published - counts.dropped);
  const stored = performance.now();
  const cpu = live.cpuSeconds() - cpuBefore;
  const [rssKiB, peakKiB] = [live.proc('status', 'VmRSS'), live.proc('status', 'VmHWM')];
  // The last message is on its way.
  while (listeners.some(({ events }) => events < end.eventCount)) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  await live.stop();
  const per = (pick: (one: Listener) => number): number =>
    Math.round(listeners.reduce((sum, one) => sum + pick(one), 0) / Math.max(1, clients));
  return {
    clients,
    seconds,
    published: counts.published,
    dropped: counts.dropped,
    stored: end.eventCount,
    storedPerSecond: Math.round(end.eventCount / ((stored - begun) / 1000)),
    behindMs: Math.round(stored - sent),
    messagesPerClient: per(({ messages }) => messages),
    eventsPerClient: per(({ events }) => events),
    kibPerClientAndSecond: Math.round(per(({ bytes }) => bytes) / 1024 / seconds),
    eventLoopDelayP99Ms: end.runtime.eventLoopDelay.p99Ms,
    eventLoopDelayMaxMs: end.runtime.eventLoopDelay.maxMs,
    cpuSecondsPerMillion: Math.round((cpu / end.eventCount) * 1e6),
    rssMiB: Math.round(rssKiB / 1024),
    peakRssMiB: Math.round(peakKiB / 1024),
  };
}

for (const clients of [0, Number(values.clients)]) {
  process.stdout.write(`${JSON.stringify(await measure(clients), null, 2)}\n`);
}
