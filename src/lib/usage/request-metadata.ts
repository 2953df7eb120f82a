import { firstText, type JsonObject } from './readers.ts';
import { redactText } from './redact.ts';
import { toOneLine } from './text.ts';

/** Who asked, as CLIProxyAPI saw it (since 7.2.104). Written by strangers, so cleaned and bounded. */
export interface RequestMetadata {
  /** At most 64 bytes. */
  readonly clientIp: string;
  /** At most 2048 bytes. */
  readonly xForwardedFor: string;
  /** At most 1024 bytes. */
  readonly userAgent: string;
}

const CLIENT_IP = ['client_ip', 'clientIp'] as const;
const X_FORWARDED_FOR = ['x_forwarded_for', 'xForwardedFor'] as const;
const USER_AGENT = ['user_agent', 'userAgent'] as const;

export function requestMetadata(record: JsonObject, known: readonly string[]): RequestMetadata {
  return {
    clientIp: oneLine(record, CLIENT_IP, 64, known),
    xForwardedFor: oneLine(record, X_FORWARDED_FOR, 2048, known),
    userAgent: oneLine(record, USER_AGENT, 1024, known),
  };
}

// Redacted before the cut, so that no half of a key is left where nothing recognises it.
function oneLine(
  record: JsonObject,
  keys: readonly string[],
  maxBytes: number,
  known: readonly string[],
): string {
  const written = firstText(record, keys);
  return written === '' ? '' : toOneLine(redactText(written.slice(0, maxBytes * 8), known), maxBytes);
}
