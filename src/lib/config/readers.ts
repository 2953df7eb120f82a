import type { CollectorMode } from '../contract/record.ts';
import { AppError } from '../errors.ts';
import { normaliseBaseUrl } from '../gateway/url.ts';
import { isSourceName, SOURCE_NAMES, type SourceName } from '../pricing/sync/catalog.ts';
import type { Origin, SettingName } from './settings.ts';
import { refuse, type Sources } from './sources.ts';
import {
  isAddressRange,
  LISTEN_FORMS,
  MAX_INTEGER,
  MODES,
  parseBoolean,
  parseListenAddress,
  parseMode,
  parsePositive,
  splitList,
  type ListenAddress,
} from './values.ts';

/** Told, in a whole sentence, of every value that was left out or replaced. */
export type Warn = (message: string) => void;

export function listenAddress(sources: Sources, otherwise: string): ListenAddress {
  const given = sources.first('httpAddr');
  const address = parseListenAddress(given?.text ?? otherwise);
  if (address) return address;
  throw given ? refuse(given, LISTEN_FORMS) : new AppError('invalid_config', { detail: otherwise });
}

export function baseUrl(sources: Sources): string {
  const given = sources.first('upstreamUrl');
  return given ? normaliseBaseUrl(given.text, 'invalid_config', given.label) : '';
}

/** The older programs took any unknown mode for `auto`. */
export function mode(sources: Sources, warn: Warn): CollectorMode {
  const given = sources.first('collectorMode');
  if (!given) return 'auto';
  const known = parseMode(given.text);
  if (known) return known;
  if (given.origin === 'flag') throw refuse(given, MODES.join(', '));
  warn(`${given.label} is "${given.text}"; allowed is ${MODES.join(', ')}. auto is used.`);
  return 'auto';
}

/** The older programs took the value of the next place for a number that is none. */
export function positive(
  sources: Sources,
  name: SettingName,
  otherwise: number,
  warn: Warn,
  most = MAX_INTEGER,
): { readonly value: number; readonly origin: Origin } {
  const allowed = `a whole number from 1 to ${most}`;
  const all = sources.all(name);
  const valid = all.find((given) => parsePositive(given.text, most) !== null);
  const used = (valid && parsePositive(valid.text, most)) ?? otherwise;
  for (const given of valid ? all.slice(0, all.indexOf(valid)) : all) {
    if (given.origin === 'flag') throw refuse(given, allowed);
    warn(`${given.label} is "${given.text}"; allowed is ${allowed}. ${used} is used.`);
  }
  return { value: used, origin: valid?.origin ?? 'default' };
}

/** The older programs took any text that is no yes for a no. */
export function boolean(sources: Sources, name: SettingName, warn: Warn): boolean {
  const given = sources.first(name);
  if (!given) return false;
  const value = parseBoolean(given.text);
  if (value !== null) return value;
  if (given.origin === 'flag') throw refuse(given, 'true or false');
  warn(`${given.label} is "${given.text}"; allowed is true or false. false is used.`);
  return false;
}

/** Addresses of mirrors by the name of the source, as `models.dev=https://...`. */
export function priceSources(sources: Sources): ReadonlyMap<SourceName, string> {
  const given = sources.first('priceSources');
  const mirrors = new Map<SourceName, string>();
  for (const part of given ? splitList(given.text) : []) {
    const equals = part.indexOf('=');
    const name = part.slice(0, equals).trim().toLowerCase();
    const url = part.slice(equals + 1).trim();
    if (given && (equals < 0 || !isSourceName(name) || !/^https?:$/.test(URL.parse(url)?.protocol ?? ''))) {
      throw refuse(
        given,
        `a list such as models.dev=https://mirror.example/catalog.json (${SOURCE_NAMES.join(', ')})`,
      );
    }
    if (isSourceName(name)) mirrors.set(name, url);
  }
  return mirrors;
}

export function addressRanges(sources: Sources): readonly string[] {
  const given = sources.first('trustedProxies');
  if (!given) return [];
  const ranges = splitList(given.text);
  if (ranges.every(isAddressRange)) return ranges;
  throw refuse(given, 'a list of addresses and CIDR ranges, such as 172.16.0.0/12,fd00::/8');
}
