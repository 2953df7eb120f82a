import { createHash } from 'node:crypto';

import type { PriceVersion } from '../contract/pricing.ts';

/** The text a price version is known by: JSON with its keys in alphabetical order and no spaces. */
export function canonicalPriceVersion(version: PriceVersion): string {
  const { basis, model, origin, rates, source } = version;
  const { cacheRead, cacheWrite1h, cacheWrite5m, input, output, outputImage } = rates;
  return JSON.stringify({
    basis,
    model,
    origin,
    // Most have none for pictures; JSON leaves it out then.
    rates: { cacheRead, cacheWrite1h, cacheWrite5m, input, output, outputImage },
    source,
  });
}

/** `price()` hands out one object for one version, so the hash is worked out once for each. */
const known = new WeakMap<PriceVersion, string>();

/** Hex SHA-256 of the canonical JSON. */
export function priceVersionId(version: PriceVersion): string {
  let id = known.get(version);
  if (id === undefined) {
    id = createHash('sha256').update(canonicalPriceVersion(version)).digest('hex');
    known.set(version, id);
  }
  return id;
}
