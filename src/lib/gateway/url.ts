import { AppError } from '../errors.ts';

/** What of a URL may be shown: user name and password masked, query and fragment cut off. */
export function redactUrl(text: string): string {
  const bare = text.trim().replace(/[?#].*$/s, '');
  const [, scheme = '', authority = '', path = ''] =
    /^([a-z][a-z0-9+.-]*:\/\/)?([^/\\]*)(.*)$/is.exec(bare) ?? [];
  const host = authority.slice(authority.lastIndexOf('@') + 1);
  return `${scheme}${host === authority ? '' : '***@'}${host}${path}`;
}

/**
 * The one form in which a gateway's address is stored, compared and called: `http://` added where no scheme is given,
 * no trailing slash, no `/v0/management` and no `/v0` at its end, and without the `/management.html#/...` that people
 * copy from their browser. Scheme and host, where case means nothing, are in lower case. Everything else stays as it
 * was typed. `''` stays `''`.
 *
 * Throws an AppError with `code` for anything that is not an http or https URL, and for a user name or password in
 * it: those would be shown wherever the address is. `name` says in the message what was wrong.
 */
export function normaliseBaseUrl(
  text: string,
  code: 'invalid_config' | 'invalid_request' = 'invalid_request',
  name = 'the URL of CLIProxyAPI',
): string {
  const trimmed = text.trim();
  if (trimmed === '') return '';
  const refuse = (why: string): never => {
    throw new AppError(code, {
      detail: `${name} is "${redactUrl(trimmed)}", ${why}; give an address such as http://cli-proxy-api:8317`,
    });
  };

  const absolute = trimmed.includes('://') ? trimmed : `http://${trimmed}`;
  // The URL parser would drop tabs and line ends and read a backslash as a slash, so what is checked would not be
  // what is kept.
  if (/[\s\\]/.test(absolute)) refuse('with a space or a backslash in it');
  if (!URL.canParse(absolute)) refuse('which is not a URL');
  const url = new URL(absolute);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') refuse('which is neither http nor https');
  if (!/^https?:\/\/[^/?#]/i.test(absolute)) refuse('which names no host');
  if (/^https?:\/\/[^/?#]*@/i.test(absolute)) refuse('with a user name or password in it');

  return absolute
    .replace(/[?#].*$/, '')
    .replace(/^https?:\/\/[^/]*/i, (origin) => origin.toLowerCase())
    .replace(/\/management\.html$/, '')
    .replace(/\/+$/, '')
    .replace(/\/v0\/management$/, '')
    .replace(/\/v0$/, '')
    .replace(/\/+$/, '');
}
