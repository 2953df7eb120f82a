import { once } from 'node:events';
import http, { type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { ADMIN_KEY, type DaemonProcess } from './daemon.ts';

export interface PageAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** `{}` where it is no JSON. */
  readonly body: Readonly<Record<string, unknown>>;
}

export interface PageRequest {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Where the page comes from; null for what is no page at all. The daemon's own origin unless given. */
  readonly page?: string | null;
  /** What `Sec-Fetch-Site` says; null for browsers that leave it out, as on http. Follows from the page unless given. */
  readonly site?: string | null;
}

/** A browser as far as cookies go: one jar for all ports of the host, and headers that tell where a page comes from. */
export class Browser {
  readonly cookies = new Map<string, string>();

  /** One request, and its whole answer. */
  async request(url: string, options: PageRequest = {}): Promise<PageAnswer> {
    const answer = await this.open(url, options);
    const body = await text(answer);
    const json = answer.headers['content-type']?.startsWith('application/json') === true && body !== '';
    const value: Readonly<Record<string, unknown>> = JSON.parse(json ? body : '{}');
    return { status: answer.statusCode ?? 0, headers: answer.headers, text: body, body: value };
  }

  /** The answer as soon as it begins. */
  async open(url: string, options: PageRequest = {}): Promise<IncomingMessage> {
    const { method = 'GET', headers = {}, body = '' } = options;
    const own = new URL(url).origin;
    const page = options.page === undefined ? own : options.page;
    const site = options.site === undefined ? siteOf(page, own) : options.site;
    const reads = method === 'GET' || method === 'HEAD';
    const jar = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const request = http.request(url, {
      method,
      agent: false,
      headers: {
        ...(jar === '' ? {} : { cookie: jar }),
        ...(site === null ? {} : { 'sec-fetch-site': site, 'sec-fetch-mode': 'cors' }),
        // To read from its own origin a page needs no Origin.
        ...(page === null || (reads && page === own) ? {} : { origin: page }),
        ...headers,
      },
    });
    request.end(body);
    const [answer]: [IncomingMessage] = await Promise.race([
      once(request, 'response').then(([first]): [IncomingMessage] => [first]),
      once(request, 'error').then(([error]): never => {
        throw error;
      }),
    ]);
    for (const cookie of answer.headers['set-cookie'] ?? []) this.#keep(cookie);
    return answer;
  }

  login(daemon: DaemonProcess, key = ADMIN_KEY): Promise<PageAnswer> {
    const headers = { authorization: `Bearer ${key}` };
    return this.request(`${daemon.url}/usage-service/session`, { method: 'POST', headers });
  }

  #keep(cookie: string): void {
    const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? [];
    if (/;\s*max-age=0\b/i.test(cookie)) this.cookies.delete(name);
    else this.cookies.set(name, value);
  }
}

/** Sites are hosts without their ports. */
function siteOf(page: string | null, own: string): string | null {
  if (page === null) return null;
  if (page === own) return 'same-origin';
  return new URL(page).hostname === new URL(own).hostname ? 'same-site' : 'cross-site';
}
