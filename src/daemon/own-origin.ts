/** What a browser says about the page that sent a request. Undefined: the header is not there. */
export interface Provenance {
  readonly method: string;
  readonly secFetchSite: string | undefined;
  readonly origin: string | undefined;
  /** Hosts that this request was sent to: `Host`, and what a trusted proxy names. With a port, if one was named. */
  readonly hosts: readonly string[];
}

/**
 * Whether the browser says that a page of another origin sent this. Cookies know neither ports nor, with
 * `SameSite=Strict`, the difference between one host of a domain and another; these headers do, and no page can set them.
 */
export function fromForeignPage({ secFetchSite, origin, hosts }: Provenance): boolean {
  if (secFetchSite !== undefined) return secFetchSite !== 'same-origin' && secFetchSite !== 'none';
  return origin !== undefined && !hosts.some((host) => isOriginOf(origin, host));
}

/**
 * Whether a cookie counts in this request. Browsers leave `Sec-Fetch-Site` out on http except for localhost, and
 * `Origin` where they only read from their own origin.
 */
export function fromOwnPage(request: Provenance): boolean {
  if (fromForeignPage(request)) return false;
  if (request.secFetchSite !== undefined || request.origin !== undefined) return true;
  return request.method === 'GET' || request.method === 'HEAD';
}

/** The scheme is not compared: where TLS ends at a proxy, the browser knows https and we know http. */
function isOriginOf(origin: string, host: string): boolean {
  const page = parse(origin);
  // With the page's own scheme, so that a port that goes without saying is left out on both sides.
  const ours = page && parse(`${page.protocol}//${host}`);
  return page !== null && page.host !== '' && page.host === ours?.host;
}

function parse(text: string): URL | null {
  return URL.canParse(text) ? new URL(text) : null;
}
