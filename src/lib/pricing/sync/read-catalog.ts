import { CatalogError, isObject, type Catalog, type Json, type SourceName } from './catalog.ts';
import { readLiteLlm } from './litellm.ts';
import { readModelsDev } from './models-dev.ts';
import { readOpenRouter } from './openrouter.ts';

const READERS: Readonly<Record<SourceName, (root: Json) => Catalog>> = {
  'models.dev': readModelsDev,
  litellm: readLiteLlm,
  openrouter: readOpenRouter,
};

/** Reads the list of a source from what it answered. Throws CatalogError. */
export function readCatalog(source: SourceName, text: string): Catalog {
  return READERS[source](rootOf(text));
}

function rootOf(text: string): Json {
  let root: unknown;
  try {
    root = JSON.parse(text);
  } catch {
    throw new CatalogError('it is not JSON');
  }
  if (!isObject(root)) throw new CatalogError('it is no JSON object');
  return root;
}

/** Whose list a file holds, told by its shape. Throws CatalogError when it is none that we know. */
export function readCatalogFile(text: string): Catalog {
  const root = rootOf(text);
  const values = Object.values(root);
  if (Array.isArray(root['data'])) return readOpenRouter(root);
  if (isObject(root['providers']) || values.some((value) => isObject(value) && isObject(value['models']))) {
    return readModelsDev(root);
  }
  const perToken = values.some((value) => isObject(value) && Object.hasOwn(value, 'input_cost_per_token'));
  if (perToken) return readLiteLlm(root);
  throw new CatalogError('it is no price list of models.dev, LiteLLM or OpenRouter');
}
