import { isIP, isIPv6 } from 'node:net';
import type { CollectorMode } from '../contract/record.ts';

/** Where the daemon listens. */
export interface ListenAddress {
  /** A name or an address without brackets; `''` is every address, IPv4 and IPv6. */
  readonly host: string;
  /** 0..65535; 0 lets the system choose. */
  readonly port: number;
  /** As it was given, for people. */
  readonly text: string;
}

export const LISTEN_FORMS = 'host:port, :port or [IPv6 address]:port';
export const MODES: readonly CollectorMode[] = ['auto', 'subscribe', 'http', 'resp'];
/** The longest a timer can wait in ms, and more than any count makes sense for. */
export const MAX_INTEGER = 2 ** 31 - 1;

const TRUE = ['1', 'true', 'yes', 'on'];
const FALSE = ['0', 'false', 'no', 'off'];

/** `host:port`, `:port` or `[v6]:port`; `null` for anything else. */
export function parseListenAddress(text: string): ListenAddress | null {
  const [, six, name, digits] = /^(?:\[([^\]]*)\]|([\w.-]*)):(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (digits === undefined || port > 65535 || (six !== undefined && !isIPv6(six))) return null;
  return { host: six ?? name ?? '', port, text };
}

/** A whole number from 1 to `most`, as decimal digits with an optional sign; `null` otherwise. */
export function parsePositive(text: string, most = MAX_INTEGER): number | null {
  if (!/^[+-]?\d+$/.test(text)) return null;
  const value = Number(text);
  return value >= 1 && value <= most ? value : null;
}

/** `null` for what is neither a yes nor a no. */
export function parseBoolean(text: string): boolean | null {
  const lower = text.toLowerCase();
  if (TRUE.includes(lower)) return true;
  return FALSE.includes(lower) ? false : null;
}

export function parseMode(text: string): CollectorMode | null {
  return MODES.find((mode) => mode === text.toLowerCase()) ?? null;
}

/** An address, or one with a prefix length, such as `10.0.0.0/8` and `fd00::/8`. */
export function isAddressRange(text: string): boolean {
  const [address = '', prefix, ...rest] = text.split('/');
  const version = address.includes('%') ? 0 : isIP(address);
  if (version === 0 || rest.length > 0) return false;
  if (prefix === undefined) return true;
  return /^\d{1,3}$/.test(prefix) && Number(prefix) <= (version === 4 ? 32 : 128);
}

/** The parts of a comma-separated list, without the blank ones. */
export function splitList(text: string): readonly string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}
