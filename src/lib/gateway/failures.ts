import { GatewayError } from '../contract/gateway.ts';
import type { DiagnosisCode, TransportEnd } from '../contract/transport.ts';

/** What is known about the call that failed. */
export interface FailureContext {
  /** The gateway's base URL. */
  readonly url: string;
  readonly inContainer: boolean;
}

/** A failure in our own words: the code that picks sentence and fix, and what came back. Never a secret. */
export interface Failure {
  readonly diagnosis: DiagnosisCode;
  readonly detail: string;
}

/** What other programs said, without the key: some repeat what was sent to them. To be done before anything is cut. */
export function hideKey(text: string, key: string): string {
  return key === '' ? text : text.replaceAll(key, '***');
}

/** Host name of a URL without the brackets of IPv6. */
export function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).hostname.replace(/^\[(.*)\]$/, '$1') : url;
}

const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || host === '0.0.0.0' || host.startsWith('127.');

const UNTRUSTED: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: 'it is self-signed',
  SELF_SIGNED_CERT_IN_CHAIN: 'its chain ends in a self-signed certificate',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its issuer is unknown or its chain is incomplete',
  UNABLE_TO_GET_ISSUER_CERT: 'its issuer is unknown',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its issuer is unknown',
  CERT_HAS_EXPIRED: 'it has expired',
  CERT_NOT_YET_VALID: 'it is not valid yet; check the clock',
  ERR_TLS_CERT_ALTNAME_INVALID: 'it is for another host name',
  HOSTNAME_MISMATCH: 'it is for another host name',
  CERT_REVOKED: 'it was revoked',
  CERT_UNTRUSTED: 'its issuer is not trusted',
  CERT_REJECTED: 'it was rejected',
  CERT_SIGNATURE_FAILURE: 'its signature is wrong',
  INVALID_PURPOSE: 'it is not for servers',
};
const UNREACHABLE = new Set(['EHOSTUNREACH', 'ENETUNREACH', 'EHOSTDOWN', 'ENETDOWN', 'EADDRNOTAVAIL']);
const TIMEOUTS: Readonly<Record<string, string>> = {
  ETIMEDOUT: 'ETIMEDOUT',
  UND_ERR_CONNECT_TIMEOUT: 'no connection',
  UND_ERR_HEADERS_TIMEOUT: 'no answer',
  UND_ERR_BODY_TIMEOUT: 'the answer broke off',
};
/** OpenSSL's ways of saying that the other side answered our TLS hello in plain text. */
const PLAIN_TEXT = /wrong.version.number|packet.length.too.long|http.request|unexpected.message/i;

/** Puts an error of node, undici or ioredis into one of our diagnoses. */
export function explainError(error: unknown, context: FailureContext): Failure {
  if (error instanceof GatewayError) return { diagnosis: error.diagnosis, detail: error.message };
  const code = errorCode(error);
  const text = errorText(error);
  const host = hostOf(context.url);
  if (code in UNTRUSTED) return { diagnosis: 'tls_untrusted', detail: UNTRUSTED[code]! };
  if (code === 'ECONNREFUSED') {
    const inside = context.inContainer && isLoopback(host);
    return { diagnosis: inside ? 'loopback_in_container' : 'connection_refused', detail: code };
  }
  if (UNREACHABLE.has(code))
    return { diagnosis: 'connection_refused', detail: `no way to the host, ${code}` };
  if (code === 'ENOTFOUND' || code.startsWith('EAI_')) {
    const docker = host === 'host.docker.internal';
    return { diagnosis: docker ? 'docker_host_unresolved' : 'dns_failed', detail: code };
  }
  if (code in TIMEOUTS || /timed? ?out/i.test(text))
    return { diagnosis: 'timed_out', detail: TIMEOUTS[code] ?? (code || 'no answer') };
  if (/NO_APPLICATION_PROTOCOL/.test(code)) {
    return { diagnosis: 'resp_behind_proxy', detail: 'the other side insists on HTTP' };
  }
  if (code === 'EPROTO' || code.startsWith('ERR_SSL_') || code.startsWith('ERR_TLS_')) {
    const plain = PLAIN_TEXT.test(code) || PLAIN_TEXT.test(text);
    return { diagnosis: 'tls_failed', detail: plain ? 'the port does not speak TLS' : code };
  }
  if (/before secure TLS connection/.test(text)) {
    return { diagnosis: 'tls_failed', detail: 'the connection was closed during the handshake' };
  }
  // ioredis 6 names the byte where it expected a reply of RESP.
  const foreign = /Unknown RESP type (\d+)/.exec(text);
  if (foreign) return explainBytes(Uint8Array.of(Number(foreign[1])), context);
  const parser = error instanceof Error && error.name === 'HTTPParserError';
  if (parser || code.startsWith('HPE_')) return { diagnosis: 'unexpected_answer', detail: 'it is not HTTP' };
  if (code === 'UND_ERR_INVALID_ARG') return { diagnosis: 'unexpected_answer', detail: text };
  const closed = code === 'UND_ERR_SOCKET' ? 'the other side closed it' : '';
  return { diagnosis: 'connection_lost', detail: closed || code || text };
}

/** Errors that came up before the request was on its way: the gateway cannot have acted on it. */
export function neverSent(error: unknown): boolean {
  const code = errorCode(error);
  return (
    code === 'ECONNREFUSED' ||
    code === 'ENOTFOUND' ||
    code === 'UND_ERR_CONNECT_TIMEOUT' ||
    code === 'EPROTO' ||
    code === 'UND_ERR_INVALID_ARG' ||
    code.startsWith('EAI_') ||
    code.startsWith('ERR_SSL_') ||
    code.startsWith('ERR_TLS_') ||
    UNREACHABLE.has(code) ||
    code in UNTRUSTED ||
    /before secure TLS connection/.test(errorText(error)) ||
    // ioredis, asked to send where the connection has just ended.
    errorText(error).startsWith("Stream isn't writeable")
  );
}

/** Nobody listens on the port: the process that did is gone. */
export function nobodyListens(error: GatewayError): boolean {
  return errorCode(error.cause) === 'ECONNREFUSED';
}

/** What a call was for, where the same status means different things. */
export type Purpose = 'usage-queue' | 'other';

/**
 * Puts an answer without success into a diagnosis. `said` is what the gateway gave as the reason, `location` where a
 * redirect leads, without its query.
 */
export function explainStatus(status: number, said: string, location: string, purpose: Purpose): Failure {
  const again = said.startsWith(`${status}`) ? '' : `${status} `;
  const detail = said === '' ? `status ${status}` : `${again}${said}`;
  if (status >= 300 && status < 400) {
    return {
      diagnosis: 'unexpected_redirect',
      detail: location === '' ? detail : `${status} to ${location}`,
    };
  }
  if (status === 401) return { diagnosis: 'key_refused', detail };
  if (status === 403) return { diagnosis: explainRefusal(said) ?? 'unexpected_status', detail };
  if (purpose === 'usage-queue' && (status === 404 || status === 405 || status === 501)) {
    return { diagnosis: 'too_old_for_http', detail };
  }
  if (status === 404) return { diagnosis: 'management_disabled', detail };
  if (status === 400 && /https port|http request to an https server/i.test(said)) {
    return { diagnosis: 'tls_failed', detail: 'the port speaks TLS, and the URL says http://' };
  }
  return { diagnosis: 'unexpected_status', detail };
}

/**
 * The refusals of a login that HTTP and RESP share, by the words that CLIProxyAPI v6.10.8 to v7.2.140 use; null for
 * anything else.
 */
export function explainRefusal(text: string): DiagnosisCode | null {
  if (/IP banned/i.test(text)) return 'banned';
  if (/remote management disabled/i.test(text)) return 'remote_management_off';
  if (/management key not set/i.test(text)) return 'key_missing';
  if (/(?:invalid|missing) management key/i.test(text)) return 'key_refused';
  return null;
}

/**
 * Puts the text of a RESP error (without its `-`) into a diagnosis. A Redis that does not know a command repeats its
 * arguments, for AUTH the key: they are left out.
 */
export function explainRespError(said: string, key: string): Failure {
  const text = hideKey(said, key).replace(/,?\s*with args\b.*$/is, '');
  const detail = text.replace(/^ERR /, '').slice(0, 200);
  const refusal = explainRefusal(text);
  if (refusal) return { diagnosis: refusal, detail };
  if (text.startsWith('NOAUTH')) return { diagnosis: 'key_refused', detail };
  if (/home mode|RESP AUTH disabled|mTLS/i.test(text)) return { diagnosis: 'resp_disabled', detail };
  if (/unknown command '?subscribe/i.test(text)) return { diagnosis: 'too_old_for_subscribe', detail };
  if (/unknown command/i.test(text)) return { diagnosis: 'resp_disabled', detail };
  if (/^WRONGPASS|password configured|no password is set/i.test(text)) {
    return { diagnosis: 'unexpected_answer', detail: 'it is a Redis server' };
  }
  return { diagnosis: 'unexpected_answer', detail };
}

/** Tells from the first bytes who answers where RESP was expected. */
export function explainBytes(bytes: Uint8Array, context: FailureContext): Failure {
  const first = bytes[0];
  if (first === 0x48 /* H of HTTP/1.1 */ || first === 0x3c /* < of a web page */) {
    return {
      diagnosis: /^https:/i.test(context.url) ? 'resp_behind_proxy' : 'resp_through_http',
      detail: first === 0x48 ? 'it answered in HTTP' : 'it answered with a web page',
    };
  }
  if (first === 0x15 || first === 0x16) {
    return { diagnosis: 'tls_failed', detail: 'the port speaks TLS, and the URL says http://' };
  }
  return { diagnosis: 'unexpected_answer', detail: 'it is not RESP' };
}

const REFUSED = new Set<DiagnosisCode>([
  'key_refused',
  'banned',
  'remote_management_off',
  'key_missing',
  'not_configured',
]);
const UNSUPPORTED = new Set<DiagnosisCode>([
  'too_old_for_subscribe',
  'too_old_for_http',
  'resp_disabled',
  'resp_through_http',
  'resp_behind_proxy',
]);

/** The end of a transport's run that a failure means. */
export function endOf({ diagnosis, detail }: Failure): TransportEnd {
  const kind = REFUSED.has(diagnosis)
    ? 'refused'
    : UNSUPPORTED.has(diagnosis)
      ? 'unsupported'
      : diagnosis === 'overflow'
        ? 'overflow'
        : diagnosis === 'unexpected_answer'
          ? 'protocol'
          : 'network';
  return { kind, diagnosis, detail };
}

/** The innermost code: undici and node wrap the interesting error, and `localhost` fails once for each address. */
function errorCode(error: unknown): string {
  for (let at: unknown = error, depth = 0; at instanceof Error && depth < 5; depth += 1) {
    if (at instanceof AggregateError && at.errors.length > 0) at = at.errors[0];
    if (!(at instanceof Error)) break;
    const code = 'code' in at ? at.code : undefined;
    if (typeof code === 'string' && code !== 'UND_ERR_SOCKET') return code;
    if (at.cause === undefined) return typeof code === 'string' ? code : '';
    at = at.cause;
  }
  return '';
}

const errorText = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).slice(0, 200);
