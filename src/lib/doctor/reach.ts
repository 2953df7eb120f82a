import { lookup } from 'node:dns/promises';
import http from 'node:http';
import https from 'node:https';
import { BlockList, isIP } from 'node:net';
import { TLSSocket } from 'node:tls';
import { runningInContainer } from '../config/container.ts';
import type { GatewayConnection } from '../contract/gateway.ts';
import { formatSpan } from '../format.ts';
import { diagnose } from '../gateway/diagnoses.ts';
import { explainError, hostOf, type Failure } from '../gateway/failures.ts';
import { respAddress } from '../gateway/resp-socket.ts';
import { fail, ok, skipped, warn, type Finding } from './result.ts';

/** How far one connection to the gateway came. What was not reached is null. */
export interface Reach {
  readonly url: string;
  readonly addresses: readonly string[];
  readonly connectedTo: string | null;
  readonly tls: TlsFacts | null;
  /** Its `Date`, epoch ms, and how far our clock was from it at that moment. */
  readonly clock: { readonly theirsMs: number; readonly oursMs: number } | null;
  /** Where it ended before there was an answer. */
  readonly failed: { readonly at: 'dns' | 'tcp' | 'tls' | 'http'; readonly why: Failure } | null;
}

export interface TlsFacts {
  readonly protocol: string;
  /** Epoch ms. */
  readonly validToMs: number;
  /** Why it is not trusted; null when it is. */
  readonly untrusted: Failure | null;
}

export interface ReachOptions {
  /** For the name and for all that comes after it, each. */
  readonly timeoutMs: number;
  readonly resolve: (host: string) => Promise<ReadonlyArray<{ readonly address: string }>>;
}

const OPTIONS: ReachOptions = { timeoutMs: 10_000, resolve: (host) => lookup(host, { all: true }) };

/**
 * Goes the way to the gateway once, up to an answer of `GET /healthz`, which wants no key. The request is written the
 * moment the connection stands: before v7.0.3 one silent connection keeps CLIProxyAPI from accepting others.
 */
export async function reach(
  connection: GatewayConnection,
  signal: AbortSignal,
  { timeoutMs, resolve: resolveName }: ReachOptions = OPTIONS,
): Promise<Reach> {
  const url = connection.baseUrl;
  const context = { url, inContainer: runningInContainer() };
  const { host, port, secure, servername } = respAddress(connection);
  const seen: { -readonly [Name in keyof Reach]: Reach[Name] } = {
    url,
    addresses: [],
    connectedTo: null,
    tls: null,
    clock: null,
    failed: null,
  };
  try {
    const found = await inTime(resolveName(host), timeoutMs, signal);
    seen.addresses = found.map(({ address }) => address);
  } catch (error) {
    signal.throwIfAborted();
    return { ...seen, failed: { at: 'dns', why: explainError(error, context) } };
  }
  let at: 'tcp' | 'tls' | 'http' = 'tcp';
  try {
    await new Promise<void>((resolve, reject) => {
      const request = (secure ? https : http).request({
        host,
        port,
        path: `${new URL(url).pathname.replace(/\/+$/, '')}/healthz`,
        // What is wrong with a certificate is looked at below; no secret is sent on this connection.
        ...(secure ? { rejectUnauthorized: false, ...(servername ? { servername } : {}) } : {}),
        headers: { 'user-agent': 'cpamp', connection: 'close' },
        agent: false,
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
      });
      request.on('socket', (socket) => {
        socket.once('connect', () => {
          seen.connectedTo = `${socket.remoteAddress ?? host}:${port}`;
          at = secure ? 'tls' : 'http';
        });
        socket.once('secureConnect', () => {
          at = 'http';
          if (socket instanceof TLSSocket) seen.tls = tlsFacts(socket, context);
        });
      });
      request.on('response', (response) => {
        const theirsMs = Date.parse(response.headers.date ?? '');
        if (!Number.isNaN(theirsMs)) seen.clock = { theirsMs, oursMs: Date.now() };
        response.resume().once('close', resolve);
        request.destroy();
        resolve();
      });
      request.on('error', reject);
      request.end();
    });
    return seen;
  } catch (error) {
    signal.throwIfAborted();
    const late = error instanceof Error && error.name === 'AbortError';
    const why: Failure = late
      ? { diagnosis: 'timed_out', detail: `${timeoutMs / 1000} s` }
      : explainError(error, context);
    return { ...seen, failed: { at, why } };
  }
}

/** The system's way of finding names cannot be ended, and waits for half a minute where no name server answers. */
async function inTime<T>(work: Promise<T>, timeoutMs: number, signal: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason);
  const late = Object.assign(new Error('no name server answers'), { code: 'EAI_AGAIN' });
  const timer = setTimeout(() => reject(late), timeoutMs);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  }
}

function tlsFacts(socket: TLSSocket, context: { url: string; inContainer: boolean }): TlsFacts {
  const { authorizationError } = socket;
  // Node names it by its code, as text.
  const code = String(authorizationError);
  return {
    protocol: socket.getProtocol() ?? 'TLS',
    validToMs: Date.parse(socket.getPeerCertificate().valid_to),
    untrusted: socket.authorized ? null : explainError(Object.assign(new Error(code), { code }), context),
  };
}

const told = (url: string, { diagnosis, detail }: Failure): { message: string; fix: string } =>
  diagnose(diagnosis, 0, { url, host: hostOf(url), detail });

export function checkDns({ url, addresses, failed }: Reach): Finding {
  if (failed?.at === 'dns') {
    const { message, fix } = told(url, failed.why);
    return fail(message, fix);
  }
  const host = hostOf(url);
  if (isIP(host) > 0) return ok(`${host} is an address and needs no name server.`);
  return ok(`${host} is ${addresses.join(', ')}.`);
}

export function checkTcp({ url, connectedTo, failed }: Reach): Finding {
  if (failed?.at === 'tcp') {
    const { message, fix } = told(url, failed.why);
    return fail(message, fix);
  }
  return ok(`Something listens at ${connectedTo ?? url}.`);
}

const SOON_MS = 14 * 86_400_000;

export function checkTls(reached: Reach, connection: GatewayConnection, nowMs: number): Finding {
  const { url, tls, failed } = reached;
  if (failed?.at === 'tls') {
    const { message, fix } = told(url, failed.why);
    return fail(message, fix);
  }
  if (tls === null) return plainText(reached);
  if (tls.untrusted) {
    const { message, fix } = told(url, tls.untrusted);
    if (!connection.tlsSkipVerify) return fail(message, fix);
    return warn(
      `${message} It is accepted all the same, as the configuration says: whoever is in between can read the key.`,
      'Use a certificate of a known authority, and have it checked again.',
    );
  }
  const left = tls.validToMs - nowMs;
  if (left < SOON_MS) {
    const when = `${formatSpan(Math.max(0, left))} from now`;
    return warn(`${tls.protocol}; the certificate ends ${when}.`, 'Renew the certificate of CLIProxyAPI.');
  }
  return ok(`${tls.protocol}, with a certificate that is trusted for another ${formatSpan(left)}.`);
}

/** Addresses that a packet stays near with: this machine, private networks, links. */
const NEAR = new BlockList();
for (const [network, bits] of [
  ['127.0.0.0', 8],
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['169.254.0.0', 16],
  // Carrier networks, and what private overlays such as Tailscale use.
  ['100.64.0.0', 10],
] as const) {
  NEAR.addSubnet(network, bits, 'ipv4');
}
NEAR.addAddress('::1', 'ipv6');
NEAR.addSubnet('fc00::', 7, 'ipv6');
NEAR.addSubnet('fe80::', 10, 'ipv6');

function plainText({ addresses }: Reach): Finding {
  const far = addresses.find((address) => !NEAR.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4'));
  if (far === undefined)
    return ok('Not used: the address begins with http:// and stays in a private network.');
  return warn(
    `The management key and all records travel unencrypted to ${far}.`,
    'Switch tls.enable on in CLIProxyAPI and use https://, or go through a VPN or an SSH tunnel.',
  );
}

const WARN_MS = 30_000;
const FAIL_MS = 5 * 60_000;
/** Before this program was written: a machine without a clock that has not asked anybody for the time yet. */
const LONG_AGO_MS = Date.UTC(2026, 0, 1);
const SYNC =
  'Have both machines ask a time server (timedatectl set-ntp true). In a container the clock of the host counts.';

export interface ClockFacts {
  readonly nowMs: number;
  /** When something was last stored. */
  readonly lastInsertedMs: number | null;
  /** The variable TZ. */
  readonly zone: string;
  /** Null: no gateway could be asked. */
  readonly reached: Reach | null;
}

/** Compares our clock with the gateway's and with what is stored. */
export function checkClock({ nowMs, lastInsertedMs, zone, reached }: ClockFacts): Finding {
  const resolved = new Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (nowMs < LONG_AGO_MS) return fail(`The clock says ${new Date(nowMs).toISOString()}.`, SYNC);
  const ahead = (lastInsertedMs ?? 0) - nowMs;
  if (ahead > WARN_MS) {
    const message = `The newest event was stored ${formatSpan(ahead)} from now: the clock was set back.`;
    return warn(message, SYNC);
  }
  const clock = reached?.clock ?? null;
  if (clock !== null) {
    // `Date` has whole seconds.
    const skew = clock.oursMs - clock.theirsMs - 500;
    const size = Math.abs(skew);
    if (size > WARN_MS) {
      const way = skew > 0 ? 'ahead of' : 'behind';
      const message = `Our clock is ${formatSpan(size)} ${way} that of CLIProxyAPI, so times and days of events are off.`;
      return size > FAIL_MS ? fail(message, SYNC) : warn(message, SYNC);
    }
  }
  if (zone !== '' && !isZone(zone)) {
    return warn(
      `TZ is "${zone}", which is no time zone known here, so ${resolved} counts.`,
      'Set TZ to a name such as Europe/Berlin, or leave it out.',
    );
  }
  if (clock === null) return skipped(`No clock to compare with; the time zone is ${resolved}.`);
  return ok(`It agrees with that of CLIProxyAPI; the time zone is ${resolved}.`);
}

function isZone(zone: string): boolean {
  // POSIX allows a colon before the name, and a path into the zone files.
  const name = zone.replace(/^:?(\/usr\/share\/zoneinfo\/)?/, '');
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return name.startsWith('/');
  }
}
