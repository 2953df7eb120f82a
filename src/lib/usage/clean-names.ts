import type { RawNames } from './names.ts';
import { looksSuspicious, redactName } from './redact.ts';
import { isKeyLike, maskAccount } from './source.ts';
import { toOneLine } from './text.ts';

const MAX_BYTES = 1024;
const MAX_ENDPOINT_BYTES = 2048;
const CONTROL = /[\p{Cc}\p{Cf}]/u;
const METHOD = /^[A-Z]{0,12}$/;
/** Words of CLIProxyAPI's own that look like a rule's trigger. */
const PLAIN_AUTH_TYPES: ReadonlySet<string> = new Set(['', 'apikey', 'oauth', 'unknown']);

/**
 * The names as they are stored: keys taken out, one line each, bounded. Almost every record passes the one test at
 * the top unchanged.
 */
export function cleanNames(names: RawNames, known: readonly string[]): RawNames {
  const { authType, ...others } = names;
  const joined = Object.values(others).join(' ');
  const authIsPlain = PLAIN_AUTH_TYPES.has(authType);
  const methodIsPlain = METHOD.test(names.method);
  const accountIsPlain = !isKeyLike(names.accountSnapshot) && !isKeyLike(names.authLabelSnapshot);
  const isPlain = authIsPlain && methodIsPlain && accountIsPlain;
  if (isPlain && joined.length < MAX_BYTES / 3 && isClean(joined, known)) return names;
  const clean = (name: string): string => cleanName(name, known, MAX_BYTES);
  const requestedModel = clean(names.requestedModel);
  const resolvedModel = clean(names.resolvedModel);
  const endpoint = methodIsPlain || !isMadeOf(names) ? names.endpoint : '';
  return {
    requestId: clean(names.requestId),
    provider: clean(names.provider),
    executorType: clean(names.executorType),
    // Of some names nothing is left: then they are what they are where a record does not tell them.
    model: clean(names.model) || requestedModel || resolvedModel || '-',
    requestedModel,
    resolvedModel,
    endpoint: cleanName(endpoint, known, MAX_ENDPOINT_BYTES) || '-',
    method: methodIsPlain ? names.method : '',
    path: cleanName(names.path, known, MAX_ENDPOINT_BYTES),
    authType: authIsPlain ? authType : clean(authType),
    authIndex: clean(names.authIndex),
    accountSnapshot: maskAccount(clean(names.accountSnapshot)),
    authLabelSnapshot: maskAccount(clean(names.authLabelSnapshot)),
    authFileSnapshot: clean(names.authFileSnapshot),
    authProviderSnapshot: clean(names.authProviderSnapshot),
    authProjectIdSnapshot: clean(names.authProjectIdSnapshot),
    reasoningEffort: clean(names.reasoningEffort),
    requestServiceTier: clean(names.requestServiceTier),
    responseServiceTier: clean(names.responseServiceTier),
    serviceTier: clean(names.serviceTier),
  };
}

// A method was turned to upper case whatever it held, and no rule recognises a key in capitals. Where the record told
// no endpoint, the method was made part of it.
function isMadeOf(names: RawNames): boolean {
  return names.endpoint === `${names.method} ${names.path}`;
}

function isClean(joined: string, known: readonly string[]): boolean {
  if (looksSuspicious(joined) || CONTROL.test(joined)) return false;
  return !known.some((secret) => joined.includes(secret));
}

function cleanName(name: string, known: readonly string[], maxBytes: number): string {
  return toOneLine(redactName(name.slice(0, maxBytes * 4), known), maxBytes);
}
