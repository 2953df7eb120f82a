import { CatalogBuilder, CatalogError, isObject, rateOf, type Catalog, type Json } from './catalog.ts';

/** The list of OpenRouter: `data[].id` and `data[].pricing`, texts in USD a token. */
export function readOpenRouter(root: Json): Catalog {
  const { data } = root;
  if (!Array.isArray(data)) throw new CatalogError('it has no "data"');
  const builder = new CatalogBuilder('openrouter');
  for (const entry of data) {
    const object: Json = isObject(entry) ? entry : {};
    const pricing = isObject(object['pricing']) ? object['pricing'] : {};
    const id = typeof object['id'] === 'string' ? object['id'] : '';
    builder.add(id, { id, pricing }, () => ({
      rates: {
        input: rateOf(pricing, 'token', 'prompt'),
        output: rateOf(pricing, 'token', 'completion'),
        cacheRead: rateOf(pricing, 'token', 'input_cache_read', 'cache_read_input_token_cost'),
        cacheWrite5m: rateOf(
          pricing,
          'token',
          'input_cache_write',
          'input_cache_creation',
          'cache_creation_input_token_cost',
          'cache_write_input_token_cost',
        ),
        cacheWrite1h: null,
      },
      contextTiers: [],
      serviceTiers: [],
    }));
  }
  return builder.build();
}
