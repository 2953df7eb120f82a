import { namedValueRedactor, REDACTED, START } from './named-values.ts';
import { cutToBytes, trim } from './text.ts';

/** More of a failure text than this is never looked at; 4096 bytes of what remains are kept. */
const LOOKED_AT = 32_768;
const KEPT_BYTES = 4096;

/** Cheap test that lets almost every record skip the rules below. */
const SUSPICIOUS =
  /sk-|sess-|g(?:h[opsur]|sk)_|(?:hf|pk|rk|pat|admin)_|AIza|AKIA|ya29|xai-|eyJ|GOCSPX|bearer|basic|auth|token|key|cookie|secret|passw|passphrase|pwd|credential|jwt|[?&](?:sig|code)|-----BEGIN|@/i;

const SURE_NAMES = [
  '(?:proxy-)?authorization',
  '(?:access|refresh|id|session|auth)[-_]?token',
  '(?:api|session|private|management|secret|secret[-_]?access|signing|encryption)[-_ ]?key',
  'client[-_]?secret',
  'secret',
  'passw(?:or)?d|passphrase|pwd',
].join('|');
const CLEAN_NAMED = namedValueRedactor({ sure: SURE_NAMES, word: 'token', member: 'key|jwt|credentials?' });
const CLEAN_COOKIES = namedValueRedactor({ sure: '(?!)', word: '(?!)', member: '(?:set-)?cookies?' });

const BEARER = /\bbearer\s+(?:[A-Za-z0-9._~+/=-]{8,}|(?=[A-Za-z._~+/=-]{0,7}\d)[A-Za-z0-9._~+/=-]{4,7})/gi;
const BASIC = /\bbasic\s+[A-Za-z0-9+/=]{16,}/gi;
const QUERY =
  /([?&](?:key|api[-_]?key|(?:[a-z]{1,10}[-_])?token|auth|sig|(?:x-[a-z]{1,8}-)?signature|code|secret|password|pwd|jwt)=)[^&\s"'\\#]+/gi;
/** Of a proxy or a repository. The slashes may be escaped, as PHP writes them in JSON. */
const USER_INFO = /(:\\{0,8}\/\\{0,8}\/)[^\s/?#"'\\<>]{1,1024}@/g;
const PEM = /-----BEGIN [A-Z0-9 ]{1,60}-----[^"'{}]*?(?:-----END [A-Z0-9 ]{1,60}-----|(?=["'{}])|$)/g;
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
    // Bounded, because the run before the dot may hold the beginning of another one.
    String.raw`${START}eyJ[\w-]{10,512}\.[\w-]{4,}(?:\.[\w-]*)?`,
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
  const withoutKeys = withoutForms(CLEAN_NAMED(withoutBlocks(clean)).replace(BASIC, `Basic ${REDACTED}`));
  const withoutCookies = CLEAN_COOKIES(withoutKeys).replace(COOKIE_HEADER, `$1: ${REDACTED}`);
  return withoutCookies.includes('@') ? withoutCookies.replace(EMAIL, '$1***@$2') : withoutCookies;
}

/** Takes keys out of a name (a model, an endpoint, a request id), and leaves e-mail-like names alone. */
export function redactName(name: string, known: readonly string[]): string {
  const clean = withoutKnown(name, known);
  if (!looksSuspicious(clean)) return clean;
  return withoutForms(CLEAN_NAMED(withoutBlocks(clean)));
}

// Both may hold what other rules would cut a piece out of, so they go first.
function withoutBlocks(text: string): string {
  return text.replace(PEM, REDACTED).replace(USER_INFO, `$1${REDACTED}@`);
}

function withoutForms(text: string): string {
  return text
    .replace(BEARER, `Bearer ${REDACTED}`)
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
