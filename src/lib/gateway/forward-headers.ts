import type { GatewayConnection } from '../contract/gateway.ts';
import { basePath } from './pool.ts';

export type Headers = Readonly<Record<string, string | readonly string[] | undefined>>;

/** What a request is forwarded with. Whatever tells who asks, or speaks for somebody else, is not among it. */
const REQUEST = new Set([
  'content-type',
  'content-length',
  'accept',
  'accept-language',
  'range',
  'user-agent',
]);
const isForwarded = (name: string): boolean => REQUEST.has(name) || name.startsWith('if-');

/** RFC 9110 7.6.1, and older names. */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** What an answer may not say in our name: it would hold for our whole origin, or for a proxy before us. */
const WITHHELD = new Set([
  'accept-ch',
  'alt-svc',
  'authentication-info',
  'clear-site-data',
  'content-location',
  'content-security-policy',
  'content-security-policy-report-only',
  'critical-ch',
  'cross-origin-embedder-policy',
  'cross-origin-opener-policy',
  'expect-ct',
  'location',
  'nel',
  'origin-agent-cluster',
  'origin-trial',
  'permissions-policy',
  'public-key-pins',
  'referrer-policy',
  'refresh',
  'report-to',
  'reporting-endpoints',
  'service-worker-allowed',
  'set-cookie',
  'set-cookie2',
  'set-login',
  'sourcemap',
  'speculation-rules',
  'strict-transport-security',
  'surrogate-control',
  'timing-allow-origin',
  'use-as-dictionary',
  'www-authenticate',
  'x-content-type-options',
  'x-frame-options',
  'x-lighttpd-send-file',
  'x-litespeed-location',
  'x-permitted-cross-domain-policies',
  'x-sendfile',
  'x-sourcemap',
]);
/** nginx takes most of these as orders, such as which of its own files to send. */
const isWithheld = (name: string): boolean =>
  WITHHELD.has(name) ||
  name.endsWith('cdn-cache-control') ||
  name.startsWith('access-control-') ||
  (name.startsWith('x-accel-') && name !== 'x-accel-buffering');

/** The headers of a request as they are forwarded. `identity`: an answer passes as it is, and we read refusals. */
export function requestHeaders(headers: Headers): Record<string, string> {
  const named = namedByConnection(headers);
  const forwarded: Record<string, string> = { 'accept-encoding': 'identity' };
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || !isForwarded(name) || named.has(name)) continue;
    forwarded[name] = typeof value === 'string' ? value : value.join(', ');
  }
  return forwarded;
}

/** What a gateway lets all keep is for those who are logged in here, and a cache before us knows nothing of logins. */
function forOneLogin(cacheControl: string | readonly string[] | undefined): string {
  const orders = [cacheControl ?? ''].flat().join(',').split(',');
  const kept = orders
    .map((order) => order.trim())
    .filter((order) => order !== '' && !/^(?:public|private|s-maxage|proxy-revalidate)\b/i.test(order));
  return kept.length === 0 ? '' : ['private', ...kept].join(', ');
}

/** The headers of an answer as they are passed on, with what makes a page of it harmless in our origin. */
export function answerHeaders(
  headers: Headers,
  connection: GatewayConnection,
  target: string,
): Record<string, string | string[]> {
  const named = namedByConnection(headers);
  const passed: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || HOP_BY_HOP.has(name) || isWithheld(name) || named.has(name)) continue;
    passed[name] = typeof value === 'string' ? value : [...value];
  }
  const location = relocate(first(headers['location']), connection, target);
  if (location !== null) passed['location'] = location;
  // Most answers of the management API hold keys; a browser is not to keep them.
  passed['cache-control'] = forOneLogin(headers['cache-control']) || 'no-store';
  passed['content-security-policy'] = 'sandbox';
  passed['x-content-type-options'] = 'nosniff';
  passed['referrer-policy'] = 'no-referrer';
  return passed;
}

/**
 * Where a redirect of the gateway leads, as seen from our own answer to `target`: relative, so that it holds below any
 * path that we may be under. Addresses of others pass as they are, because a login at a provider begins like that; null
 * for what is no address of the web, holds the key, or is one of the gateway that is not below its base URL.
 */
function relocate(location: string, connection: GatewayConnection, target: string): string | null {
  const base = basePath(connection);
  const { origin } = new URL(connection.baseUrl);
  if (location === '' || !URL.canParse(location, `${origin}${base}${target}`)) return null;
  const url = new URL(location, `${origin}${base}${target}`);
  if (!/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '') return null;
  const { managementKey } = connection;
  const texts = managementKey === '' ? [] : [location, url.href, decoded(url.href)];
  if (texts.some((text) => text.includes(managementKey))) return null;
  if (url.origin !== origin) return location;
  if (!url.pathname.startsWith(`${base}/`)) return null;
  const from = target.replace(/\?.*$/s, '');
  const up = '../'.repeat(from.split('/').length - 2);
  return `${up || './'}${url.pathname.slice(base.length + 1)}${url.search}${url.hash}`;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function namedByConnection(headers: Headers): ReadonlySet<string> {
  const value = headers['connection'] ?? [];
  const text = typeof value === 'string' ? value : value.join(',');
  return new Set(text.split(',').map((name) => name.trim().toLowerCase()));
}

const first = (value: string | readonly string[] | undefined): string =>
  (typeof value === 'string' ? value : value?.[0]) ?? '';
