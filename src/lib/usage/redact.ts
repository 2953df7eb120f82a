import { cutToBytes, trim } from './text.ts';

const REDACTED = '[redacted]';
/** More of a failure text than this is never looked at; 4096 bytes of what remains are kept. */
const LOOKED_AT = 32_768;
const KEPT_BYTES = 4096;

/** Cheap test that lets almost every record skip the rules below. */
const SUSPICIOUS =
  /sk-|sess-|g(?:h[opsur]|sk)_|(?:hf|pk|rk|pat|admin)_|AIza|AKIA|ya29|xai-|eyJ|GOCSPX|bearer|basic|auth|token|api[-_ ]?key|cookie|secret|passw|credential|jwt|[?&](?:key|sig|code)|"key|@/i;

// A name, then `:` or `=`, with quotes that may be escaped because bodies hold JSON inside JSON strings.
const SEPARATOR = String.raw`\\*["']?\s*[:=]\s*\\*["']?`;
// No letter or digit before it, except that of an escaped line feed in JSON inside a JSON string.
const START = String.raw`(?:(?<![A-Za-z0-9])|(?<=\\[nrt]))`;
const VALUE = String.raw`[^\s"',&{}\\]+`;

const AUTHORIZATION = new RegExp(
  String.raw`${START}((?:proxy-)?authorization${SEPARATOR})(?:(?:bearer|basic|token|digest|apikey)\s+)?[^\s"',{}\\]+`,
  'gi',
);
const BEARER = /\bbearer\s+[A-Za-z0-9._~+/=-]{8,}/gi;
const BASIC = /\bbasic\s+[A-Za-z0-9+/=]{16,}/gi;
const NAMED = new RegExp(
  String.raw`${START}((?:(?:access|refresh|id|session|auth)[-_]?token|(?:x-)?api[-_ ]?key|client[-_]?secret|secret[-_]?key|passw(?:or)?d)${SEPARATOR})${VALUE}`,
  'gi',
);
const MEMBER = /(\\*["'](?:token|key|secret|jwt|credentials?)\\*["']\s*:\s*\\*["'])[^"'\\]+/gi;
const QUERY = /([?&](?:key|api_?key|(?:access_)?token|sig|signature|code)=)[^&\s"'#]+/gi;
const COOKIE_MEMBER = /((?:set-)?cookie\\*["']?\s*:\s*\\*")[^"\\]*/gi;
const COOKIE_HEADER = /\b((?:set-)?cookie)\s*:\s*[^\s,"}][^,\r\n"}]*/gi;
const EMAIL = /(?<![A-Za-z0-9._%+-])([A-Za-z0-9._%+-])[A-Za-z0-9._%+-]*@([A-Za-z0-9.-]+\.[A-Za-z]{2,})/g;

// The forms of the keys that providers, forges and this program itself hand out. `sk-` inside a longer word counts
// only with a digit after it: `task-execution` is no key.
const PREFIXED = new RegExp(
  [
    `${START}(?:sk-|sess-)[A-Za-z0-9_-]{6,}`,
    String.raw`(?:sk|sess)-(?=[A-Za-z_-]{0,64}\d)[A-Za-z0-9_-]{12,}`,
    `${START}(?:gh[opsur]_|hf_|pk_|rk_|gsk_)[A-Za-z0-9_]{6,}`,
    String.raw`github_pat_\w{20,}`,
    'AIza[0-9A-Za-z_-]{8,}',
    `${START}AKIA[0-9A-Z]{12,}`,
    `${START}xai-[A-Za-z0-9]{16,}`,
    `${START}ya29\\.[A-Za-z0-9_-]{8,}`,
    String.raw`GOCSPX-[\w-]{8,}`,
    String.raw`cmp_admin_[\w-]{8,}`,
    String.raw`${START}eyJ[\w-]{10,}\.[\w-]{4,}(?:\.[\w-]*)?`,
  ].join('|'),
  'g',
);

/** Whether any rule could apply. Pattern only; the keys that a record itself names are looked for separately. */
export function looksSuspicious(text: string): boolean {
  return SUSPICIOUS.test(text);
}

export function holdsKey(text: string): boolean {
  return text.search(PREFIXED) >= 0;
}

/**
 * Takes keys, tokens, cookies and e-mail addresses out of a text written by somebody else: a failure, a header
 * value, a user agent. `known` are secrets that the same record names; they go whatever they look like.
 */
export function redactText(text: string, known: readonly string[]): string {
  const clean = withoutKnown(text, known);
  if (!looksSuspicious(clean)) return clean;
  const withoutHeaders = clean
    .replace(AUTHORIZATION, `$1${REDACTED}`)
    .replace(BEARER, `Bearer ${REDACTED}`)
    .replace(BASIC, `Basic ${REDACTED}`);
  const withoutKeys = withoutHeaders
    .replace(NAMED, `$1${REDACTED}`)
    .replace(MEMBER, `$1${REDACTED}`)
    .replace(QUERY, `$1${REDACTED}`)
    .replace(PREFIXED, REDACTED);
  const withoutCookies = withoutKeys
    .replace(COOKIE_MEMBER, `$1${REDACTED}`)
    .replace(COOKIE_HEADER, `$1: ${REDACTED}`);
  return withoutCookies.includes('@') ? withoutCookies.replace(EMAIL, '$1***@$2') : withoutCookies;
}

/** Takes keys out of a name (a model, an endpoint, a request id), and leaves e-mail-like names alone. */
export function redactName(name: string, known: readonly string[]): string {
  const clean = withoutKnown(name, known);
  if (!looksSuspicious(clean)) return clean;
  return clean
    .replace(BEARER, `Bearer ${REDACTED}`)
    .replace(NAMED, `$1${REDACTED}`)
    .replace(QUERY, `$1${REDACTED}`)
    .replace(PREFIXED, REDACTED);
}

/** The kept part of a failure text: redacted, at most 4096 bytes. */
export function redactFailure(body: string, known: readonly string[]): string {
  return cutToBytes(trim(redactText(lookedAt(trim(body)), known)), KEPT_BYTES);
}

// A cut could leave the first half of a key that no rule recognises any more, so the last word goes with it.
function lookedAt(body: string): string {
  if (body.length <= LOOKED_AT) return body;
  let end = LOOKED_AT;
  while (end > 0 && !/[\s"',&{}]/.test(body.charAt(end - 1))) end -= 1;
  return body.slice(0, end).toWellFormed();
}

function withoutKnown(text: string, known: readonly string[]): string {
  let clean = text;
  for (const secret of known) if (clean.includes(secret)) clean = clean.replaceAll(secret, REDACTED);
  return clean;
}
