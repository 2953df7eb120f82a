import { createServer } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { parseArgs } from 'node:util';

import { Publisher } from './publisher.ts';
import { recordSource } from './records.ts';
import type { RecordSourceFactory } from './records.ts';
import { CpaStandIn } from './stand-in.ts';
import { CPA_VERSIONS } from './versions.ts';

/**
 * The stand-in as a process of its own, for measurements:
 *
 *     node test/support/cpa/main.ts --version 7.2.140 --key k --backlog 25000 --rate 5000 --count 300000
 *
 * Prints one line of JSON, `{"port","controlPort","pid"}`, and then obeys `http://127.0.0.1:<controlPort>`, all POST:
 * `/publish?count=` (at once), `/run?rate=&count=&burst=` (answers when done), `/counts`, `/settled`, `/subscribed`,
 * `/cut?how=fin|rst`, `/hold`, `/release`, `/restart`, `/exit`. Every answer has the counts of the fates.
 * `--generator <file>`: a module that exports `recordSource` as test/support/cpa/records.ts does.
 * `--rate` starts with the first subscriber or pop when `--wait` is given, else at once.
 */
const { values } = parseArgs({
  options: {
    version: { type: 'string', default: '7.2.140' },
    key: { type: 'string', default: 'management-key' },
    port: { type: 'string', default: '0' },
    retention: { type: 'string', default: '3600' },
    rate: { type: 'string', default: '0' },
    count: { type: 'string', default: '0' },
    burst: { type: 'string', default: '1' },
    backlog: { type: 'string', default: '0' },
    seed: { type: 'string', default: '1' },
    'auth-delay': { type: 'string', default: '0' },
    'no-headers': { type: 'boolean', default: false },
    generator: { type: 'string' },
    wait: { type: 'boolean', default: false },
    'exit-with-stdin': { type: 'boolean', default: false },
  },
});

const version = CPA_VERSIONS.find((known) => known === values.version);
if (!version) throw new Error(`--version must be one of ${CPA_VERSIONS.join(', ')}`);

async function sourceFactory(): Promise<RecordSourceFactory> {
  if (values.generator === undefined) return recordSource;
  const module: { recordSource: RecordSourceFactory } = await import(
    new URL(values.generator, `file://${process.cwd()}/`).href
  );
  return module.recordSource;
}

const standIn = await CpaStandIn.start({
  version,
  managementKey: values.key,
  port: Number(values.port),
  retentionSeconds: Number(values.retention),
  httpAuthDelayMs: Number(values['auth-delay']),
  keepRecords: false,
});
const makeSource = await sourceFactory();
const publisher = new Publisher(
  standIn,
  makeSource({ version, withHeaders: !values['no-headers'], seed: Number(values.seed) }),
);

async function obey(command: string, query: URLSearchParams): Promise<object> {
  const number = (name: string, fallback: number): number => Number(query.get(name) ?? fallback);
  switch (command) {
    case '/publish':
      publisher.backlog(number('count', 1));
      return {};
    case '/run':
      return publisher.run({
        rate: number('rate', 1000),
        count: number('count', 1000),
        burst: number('burst', 1),
      });
    case '/subscribed':
      await standIn.subscribed(number('count', 1));
      return {};
    case '/settled':
      await standIn.settled();
      return {};
    case '/cut':
      return { cut: standIn.cutSubscriptions(query.get('how') === 'rst' ? 'rst' : 'fin') };
    case '/hold':
      standIn.holdSubscriptions();
      return {};
    case '/release':
      standIn.releaseSubscriptions();
      return {};
    case '/restart':
      await standIn.restart();
      return {};
    case '/counts':
    case '/exit':
      return {};
    default:
      throw new Error(`unknown command ${command}`);
  }
}

async function answer(request: IncomingMessage): Promise<object> {
  const url = new URL(request.url ?? '/', 'http://control');
  const result = await obey(url.pathname, url.searchParams);
  return { ...result, subscriptions: standIn.subscriptions, counts: standIn.counts() };
}

const control = createServer((request, response) => {
  const leave = request.url === '/exit';
  answer(request).then(
    (body) => response.end(JSON.stringify(body), () => leave && process.exit(0)),
    (error: unknown) => response.writeHead(400).end(String(error)),
  );
});
// A measured run may take minutes to answer.
control.requestTimeout = 0;
await new Promise<void>((resolve) => control.listen(0, '127.0.0.1', resolve));

if (values['exit-with-stdin']) process.stdin.resume().on('end', () => process.exit(0));
publisher.backlog(Number(values.backlog));

const address = control.address();
const controlPort = typeof address === 'object' && address ? address.port : 0;
process.stdout.write(`${JSON.stringify({ port: standIn.port, controlPort, pid: process.pid })}\n`);

if (Number(values.rate) > 0) {
  if (values.wait) await standIn.when(() => standIn.subscriptions > 0 || standIn.counts().delivered > 0);
  const result = await publisher.run({
    rate: Number(values.rate),
    count: Number(values.count) || Number.POSITIVE_INFINITY,
    burst: Number(values.burst),
  });
  await standIn.settled();
  process.stdout.write(`${JSON.stringify({ ...result, counts: standIn.counts() })}\n`);
}
