import { Agent, request, type Dispatcher } from 'undici';
import { runningInContainer } from '../config/container.ts';
import { header, headerText, readText } from '../gateway/answers.ts';
import type { DiagnosisCode } from '../contract/transport.ts';
import { explainError } from '../gateway/failures.ts';
import { redactUrl } from '../gateway/url.ts';
import type { DaemonFacts } from './daemon.ts';
import { both, fail, ok, sentence, skipped, warn, type Finding } from './result.ts';

/** What the panel needs, and what has to lead to us on any domain. */
const PREFIXES = '/management.html, /usage-service/ and /v0/management/';
const SEND_HERE =
  `Have the proxy send ${PREFIXES} to cpamp (port 18317), and all else to CLIProxyAPI, as contrib/nginx.conf and ` +
  'contrib/Caddyfile do.';
const TIMEOUT_MS = 10_000;
/** A stream begins with a greeting; what takes longer to come is being held back. */
const GREETING_MS = 8_000;
const MAX_BYTES = 64 * 1024;

/** An answer that came through the proxy; status 0 and the reason where none did. */
interface Answer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: (name: string) => string;
  readonly text: string;
  readonly why: string;
}

/** What `/usage-service/info` says, as far as it is looked at. */
interface Info {
  readonly product: unknown;
  readonly service: unknown;
  readonly startedAt: unknown;
  readonly forwarding: unknown;
}

/**
 * The way that browsers take to us. Every request is one that costs nobody anything wherever it ends up: none goes to
 * `/v0/management/` without a right key but OPTIONS, which CLIProxyAPI answers before it asks for a key; a request
 * without one it counts as a wrong key.
 */
export class ProxyWalk {
  readonly #url: string;
  readonly #signal: AbortSignal;
  readonly #agent = new Agent({ connect: { timeout: TIMEOUT_MS }, allowH2: false });
  #info: Info | null = null;

  /** `url` as browsers have it, without a slash at its end. */
  constructor(url: string, signal: AbortSignal) {
    this.#url = url;
    this.#signal = signal;
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  /** Whether the three prefixes lead to us, and to the daemon of this very database; and what is at `/health`. */
  async checkPath(daemon: DaemonFacts | null): Promise<Finding> {
    const answer = await this.#ask('GET', '/usage-service/info');
    if (answer.status === 0) {
      return fail(
        `${this.#url} cannot be reached from here: ${answer.why}.`,
        'Check name, port and certificate.',
      );
    }
    const elsewhere = this.#misled('/usage-service/info', answer);
    if (elsewhere) return elsewhere;
    const info = infoOf(answer.text);
    if (info?.service === 'cpa-manager-plus' && info.product !== 'cpamp') {
      return fail('CPA-Manager-Plus answers at /usage-service/info, and not cpamp.', SEND_HERE);
    }
    if (info?.product !== 'cpamp') return fail(notUs('/usage-service/info', answer), SEND_HERE);
    this.#info = info;
    const page = await this.#ask('GET', '/management.html');
    if (!isOurPage(page)) {
      return this.#misled('/management.html', page) ?? fail(notUs('/management.html', page), SEND_HERE);
    }
    const api = await this.#ask('OPTIONS', '/v0/management/events');
    if (api.status === 0 || api.status >= 400) return fail(notUs('/v0/management/', api), SEND_HERE);
    if (api.headers('access-control-allow-headers') === '*') {
      return fail('/v0/management/ leads to CLIProxyAPI, and not to cpamp.', SEND_HERE);
    }
    const other = sameDaemon(info, daemon);
    if (other) return other;
    const all = ok(`${PREFIXES} lead to cpamp.`);
    const health = await this.#health();
    return page.status === 200 ? both(all, health) : both(NOT_BUILT, health);
  }

  /** On a domain that is shared `/health` may belong to CLIProxyAPI. */
  async #health(): Promise<Finding> {
    const health = await this.#ask('GET', '/health');
    if (health.status === 200 && infoOf(health.text)?.service === 'cpa-manager-plus') return ok('');
    const theirs = await this.#ask('GET', '/healthz');
    if (theirs.status === 200 && theirs.text.replace(/\s/g, '') === '{"status":"ok"}') {
      return ok('/health belongs to CLIProxyAPI on this domain: monitors ask for /usage-service/info.');
    }
    return warn(
      notUs('/health', health),
      'Send /health to cpamp as well, or let monitors ask for /usage-service/info.',
    );
  }

  /** Whether logins are taken for those of our own page, which they are by `Host`. */
  async checkOrigin(): Promise<Finding> {
    // To log out without being logged in changes nothing, and is refused like any login from a foreign page.
    const answer = await this.#ask('DELETE', '/usage-service/session', { origin: new URL(this.#url).origin });
    if (answer.status === 204) return ok('Logins through the proxy come from the panel itself.');
    if (answer.status === 403 && answer.text.includes('foreign_origin')) {
      return fail(
        'The proxy hides the name and port that the browser asks for, so nobody can log in (foreign_origin).',
        'Pass the Host on as it comes: in nginx, proxy_set_header Host $http_host.',
      );
    }
    if (answer.status === 0) return fail(`DELETE /usage-service/session: ${answer.why}.`);
    const { status } = answer;
    return warn(
      `DELETE /usage-service/session is answered with ${status}.`,
      'Let the proxy pass all methods.',
    );
  }

  /** Whether the addresses of those who ask are known. Asks nothing: it was in the first answer. */
  checkAddresses(): Finding {
    const forwarding = this.#info?.forwarding;
    if (forwarding === 'trusted') return ok('The proxy names who asks (X-Forwarded-For), and is trusted.');
    if (forwarding === 'untrusted') {
      return warn(
        'The proxy names who asks (X-Forwarded-For), and is not trusted: all visitors look like one, also when wrong keys are counted.',
        'Set USAGE_TRUSTED_PROXIES to the address that the proxy calls from, such as 127.0.0.1, and restart the daemon.',
      );
    }
    if (forwarding === 'none') {
      return ok('Nobody names who asks (no X-Forwarded-For): right where there is no proxy in between.');
    }
    return skipped('The daemon is of an older version and does not say.');
  }

  /** Whether events come through as they happen. Goes only where `checkPath` found this very daemon. */
  async checkStream(adminKey: string | null, isProved: boolean): Promise<Finding> {
    if (adminKey === null) {
      return skipped('A stream wants the admin key.', 'Give it with --admin-key-file FILE.');
    }
    if (!isProved) {
      return skipped(
        'The admin key is sent only where the daemon of this database answers, and that is not proved.',
        'Run it where the daemon runs, while it runs.',
      );
    }
    const over = new AbortController();
    const limit = AbortSignal.timeout(GREETING_MS);
    const signal = AbortSignal.any([this.#signal, limit, over.signal]);
    try {
      const headers = { authorization: `Bearer ${headerText(adminKey)}`, accept: 'text/event-stream' };
      const response = await this.#send('GET', '/v0/management/events/stream', headers, signal);
      if (response.statusCode === 401) {
        return warn('The admin key that was given is not the one of this daemon.', 'Give the right one.');
      }
      if (response.statusCode !== 200) {
        return warn(`The stream is answered with ${response.statusCode}.`, 'Look at the log of the daemon.');
      }
      for await (const chunk of response.body as AsyncIterable<Buffer>) {
        if (chunk.includes('retry:')) return ok('Events come through as they happen.');
      }
      return fail(
        'The proxy ends streams at once.',
        'Let it pass answers of any length on (in nginx: proxy_read_timeout 1h).',
      );
    } catch (error) {
      this.#signal.throwIfAborted();
      if (!limit.aborted) return fail(`The stream breaks off: ${this.#why(error)}.`, SEND_HERE);
      return fail(
        `The proxy holds events back: nothing of a stream came within ${GREETING_MS / 1000} s.`,
        'Switch its buffering off: in nginx, proxy_buffering off; in Caddy, flush_interval -1. Compression by the proxy holds back too.',
      );
    } finally {
      over.abort();
    }
  }

  async #ask(
    method: Dispatcher.HttpMethod,
    path: string,
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    try {
      const signal = AbortSignal.any([this.#signal, AbortSignal.timeout(TIMEOUT_MS)]);
      const response = await this.#send(method, path, headers, signal);
      // The beginning is enough to know a page by.
      const text = await readText(response.body, MAX_BYTES).catch(() => '');
      return {
        status: response.statusCode,
        headers: (name) => header(response, name),
        text,
        why: `status ${response.statusCode}`,
      };
    } catch (error) {
      this.#signal.throwIfAborted();
      return { status: 0, headers: () => '', text: '', why: this.#why(error) };
    }
  }

  #send(
    method: Dispatcher.HttpMethod,
    path: string,
    headers: Record<string, string>,
    signal: AbortSignal,
  ): Promise<Dispatcher.ResponseData> {
    return request(`${this.#url}${path}`, {
      method,
      headers: { 'user-agent': 'cpamp', ...headers },
      dispatcher: this.#agent,
      signal,
    });
  }

  #why(error: unknown): string {
    const { diagnosis, detail } = explainError(error, { url: this.#url, inContainer: runningInContainer() });
    const said = SAID[diagnosis];
    return said === undefined || said === detail ? detail : `${said} (${detail})`;
  }

  /** What a redirect or a failing proxy means; null for all else. */
  #misled(path: string, answer: Answer): Finding | null {
    if (answer.status >= 300 && answer.status < 400) {
      const to = redactUrl(answer.headers('location'));
      return fail(
        `${path} is redirected to ${to}.`,
        'Give that address with --url, if it is the one of the panel.',
      );
    }
    if (answer.status >= 502 && answer.status <= 504) {
      return fail(
        `The proxy does not reach cpamp: it answers ${path} with ${answer.status}.`,
        'Start the daemon, and check the address that the proxy has for it (port 18317).',
      );
    }
    return null;
  }
}

/** What a failure means, for whom its code says nothing. */
const SAID: Readonly<Partial<Record<DiagnosisCode, string>>> = {
  connection_refused: 'nothing listens there',
  loopback_in_container: 'nothing listens there',
  dns_failed: 'no name server knows the name',
  timed_out: 'it takes too long',
  tls_untrusted: 'its certificate is not trusted',
  tls_failed: 'no encrypted connection comes about',
  connection_lost: 'the connection broke off',
};

function notUs(path: string, { why }: Answer): string {
  return sentence(`${path} does not lead to cpamp (${why})`);
}

function infoOf(text: string): Info | null {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null) return null;
    const of = (name: string): unknown => Object.entries(value).find(([key]) => key === name)?.[1];
    return {
      product: of('product'),
      service: of('service'),
      startedAt: of('startedAt'),
      forwarding: of('forwarding'),
    };
  } catch {
    return null;
  }
}

/**
 * Our page, or that of PANEL_PATH: they forbid frames and tell nobody where one came from, which the page of CLIProxyAPI
 * does not. 503: ours was never built.
 */
function isOurPage({ status, headers }: Answer): boolean {
  if (status !== 200 && status !== 503) return false;
  return (
    headers('content-security-policy').includes("frame-ancestors 'none'") ||
    headers('referrer-policy') === 'no-referrer'
  );
}

const NOT_BUILT = warn(
  'The way leads to cpamp, whose panel was not built.',
  'Run npm run build, and restart the daemon.',
);

/** Null: it is this daemon, or nobody knows. */
function sameDaemon(info: Info, daemon: DaemonFacts | null): Finding | null {
  if (daemon?.startedAtMs == null || daemon.startedAtMs === info.startedAt) return null;
  return fail(
    'Another cpamp answers there than the one of this database.',
    'Check which one the proxy leads to, or look at the right data directory with --data-dir.',
  );
}
