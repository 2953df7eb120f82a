import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request as httpRequest, type ClientRequest, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import test from 'node:test';
import { memoryOf } from '../support/collection.ts';
import { ADMIN_KEY, type DaemonProcess } from '../support/daemon.ts';
import { ask, startReady } from '../support/http.ts';
import { RecordingGateway } from '../support/recording-gateway.ts';

const PATH = '/v0/management/logs';
const MIB = 1024 * 1024;

/** A request whose body and answer the test handles piece by piece. */
function open(
  daemon: DaemonProcess,
  path: string,
  method = 'GET',
  headers: Readonly<Record<string, string>> = {},
): ClientRequest {
  const { hostname, port } = new URL(daemon.url);
  const authorization = `Bearer ${ADMIN_KEY}`;
  const request = httpRequest({
    hostname,
    port,
    path,
    method,
    headers: { authorization, ...headers },
    agent: false,
  });
  // Whoever waits for the answer is told by `answerOf`; afterwards it breaks because the test wants it to.
  request.on('error', () => {});
  return request;
}

async function answerOf(request: ClientRequest): Promise<IncomingMessage> {
  const [answer]: IncomingMessage[] = await once(request, 'response');
  assert.ok(answer);
  return answer.on('error', () => {});
}

async function next(stream: IncomingMessage): Promise<string> {
  const arrived = once(stream, 'data');
  stream.resume();
  const [chunk]: unknown[] = await arrived;
  stream.pause();
  return String(chunk);
}

test('what is written on one side is there on the other, before anything more is', async (t) => {
  const gateway = await RecordingGateway.start(t);
  const daemon = await startReady(t, { env: gateway.env });
  gateway.handler = () => {};
  const upload = open(daemon, PATH, 'POST', { 'content-type': 'application/octet-stream' });
  upload.write('first');
  const { request, response } = await gateway.arrival(0);
  assert.equal(await next(request), 'first');
  for (const piece of ['second', 'third']) {
    upload.write(piece);
    assert.equal(await next(request), piece);
  }
  upload.end();
  await once(request.resume(), 'end');
  const pending = answerOf(upload);
  response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
  const answer = await pending;
  assert.equal(answer.headers['content-type'], 'text/event-stream');
  for (const piece of ['data: 1\n\n', 'data: 2\n\n', ': comment\n\n']) {
    response.write(piece);
    assert.equal(await next(answer), piece);
  }
  response.end();
  await once(answer.resume(), 'end');
});

test('a client that goes away ends the call at the gateway, and a gateway that breaks off ends the answer', async (t) => {
  const gateway = await RecordingGateway.start(t);
  const daemon = await startReady(t, { env: gateway.env });
  gateway.handler = () => {};
  // Before the answer began.
  const waiting = open(daemon, PATH);
  waiting.end();
  const first = await gateway.arrival(0);
  waiting.destroy();
  await once(first.response, 'close');
  // Within it, and within the request.
  const reading = open(daemon, PATH);
  reading.end();
  const second = await gateway.arrival(1);
  second.response.write('some');
  assert.equal(await next(await answerOf(reading)), 'some');
  reading.destroy();
  await once(second.response, 'close');
  const writing = open(daemon, PATH, 'POST');
  writing.write('some');
  const third = await gateway.arrival(2);
  assert.equal(await next(third.request), 'some');
  writing.destroy();
  await once(third.response, 'close');
  assert.equal(third.request.complete, false);

  const broken = open(daemon, PATH);
  broken.end();
  const fourth = await gateway.arrival(3);
  fourth.response.write('some');
  const answer = await answerOf(broken);
  assert.equal(await next(answer), 'some');
  fourth.response.destroy();
  const ended = new Promise((resolve) => answer.once('close', resolve));
  answer.resume();
  await ended;
  assert.equal(answer.complete, false, 'half an answer does not look like a whole one');
  // And the daemon is as it was.
  gateway.handler = (_request, response) => response.end('fine');
  assert.equal((await ask(daemon, PATH)).text, 'fine');
});

test('a hundred megabytes pass through without being kept', async (t) => {
  const gateway = await RecordingGateway.start(t);
  const daemon = await startReady(t, { env: gateway.env });
  const chunk = Buffer.alloc(MIB, 0x61);
  let sent = 0;
  gateway.handler = async (_request, response) => {
    for (sent = 0; sent < 100; sent += 1) {
      if (!response.write(chunk)) await once(response, 'drain');
    }
    response.end();
  };
  const pid = daemon.child.pid ?? 0;
  const before = memoryOf(pid);
  const download = open(daemon, PATH);
  download.end();
  const answer = await answerOf(download);
  await next(answer);
  // While nobody reads, the gateway has to wait. Ten polls of the collector are time enough to send everything.
  const polls = gateway.own.length + 10;
  await gateway.changes.when(() => gateway.own.length >= polls);
  assert.ok(sent < 50, `${sent} MiB were taken though nobody read them`);
  let length = 0;
  answer.on('data', (data: Buffer) => (length += data.length));
  answer.resume();
  await once(answer, 'end');
  assert.ok(length > 99 * MIB && length <= 100 * MIB, `${length} bytes`);
  const grown = memoryOf(pid, true) - before;
  assert.ok(grown < 80 * MIB, `grew by ${Math.round(grown / MIB)} MiB`);
});

test('a body that is too large is refused before it is sent, or as soon as it is seen', async (t) => {
  const gateway = await RecordingGateway.start(t);
  const daemon = await startReady(t, { env: gateway.env });
  const said = open(daemon, PATH, 'POST', { 'content-length': String(64 * MIB + 1) });
  said.flushHeaders();
  const refused = await answerOf(said);
  assert.equal(refused.statusCode, 413);
  assert.match(await next(refused), /body_too_large/);
  said.destroy();
  assert.equal(gateway.arrivals.length, 0);

  let received = 0;
  gateway.handler = (request) => {
    request.on('data', (data: Buffer) => (received += data.length));
  };
  // By hand: the client of Node.js stops writing when the answer is there.
  const { hostname, port } = new URL(daemon.url);
  const socket = connect(Number(port), hostname);
  t.after(() => socket.destroy());
  const answered = (async (): Promise<string> => {
    let answer = '';
    while (!answer.includes('"code"')) answer += String((await once(socket, 'data'))[0]);
    return answer;
  })();
  socket.write(
    `PUT ${PATH} HTTP/1.1\r\nHost: ${hostname}\r\nAuthorization: Bearer ${ADMIN_KEY}\r\nTransfer-Encoding: chunked\r\n\r\n`,
  );
  const chunk = Buffer.concat([Buffer.from('100000\r\n'), Buffer.alloc(MIB), Buffer.from('\r\n')]);
  for (let sent = 0; sent < 80; sent += 1) {
    if (!socket.write(chunk)) await once(socket, 'drain');
  }
  // It may send all that it wanted to: a connection that is reset would take the answer with it.
  assert.match(await answered, /^HTTP\/1\.1 413 .*"body_too_large"/s);
  const { request, response } = await gateway.arrival(0);
  if (!response.closed) await once(response, 'close');
  assert.equal(request.complete, false, 'the gateway does not take a part for the whole');
  assert.ok(received <= 64 * MIB);
  const again = once(socket, 'data');
  socket.write(`0\r\n\r\nGET /health HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`);
  assert.match(String((await again)[0]), /^HTTP\/1\.1 200 /, 'and then something else');
});

test('calls that wait for long keep neither the collector nor other calls waiting', async (t) => {
  const gateway = await RecordingGateway.start(t);
  const daemon = await startReady(t, { env: gateway.env });
  await gateway.changes.when(() => gateway.own.some((path) => path.endsWith('/usage-queue')));
  gateway.handler = (request, response) => {
    if (request.url !== '/v0/management/api-call') response.end('quick');
  };
  const slow = Array.from({ length: 8 }, () => {
    const call = open(daemon, '/v0/management/api-call', 'POST');
    call.end('{}');
    return call;
  });
  await gateway.changes.when(() => gateway.arrivals.length === 8);
  const polls = (): number => gateway.own.filter((path) => path.endsWith('/usage-queue')).length;
  const before = polls();
  assert.equal((await ask(daemon, PATH)).text, 'quick');
  await gateway.changes.when(() => polls() > before + 2);
  for (const { response } of gateway.arrivals) response.end('slow');
  for (const call of slow) assert.equal((await answerOf(call)).statusCode, 200);
});
