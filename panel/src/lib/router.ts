import { changed, hrefOf, parsePlace, type Place, type Query } from './location.ts';
import { Store } from './store.ts';

/** The place that the address names now. Changes with the address, the back button included. */
export const place = new Store<Place>({ path: '/', query: new URLSearchParams() });

/** What a step in the history carries when it only opened something over the page. */
const LAYER = { layer: true } as const;
/** The step back from a layer is on its way. */
let leaving = false;

export function startRouter(): void {
  const read = (): void => {
    leaving = false;
    const next = parsePlace(location.hash);
    const now = place.value;
    if (next.path === now.path && next.query.toString() === now.query.toString()) return;
    place.set(next);
  };
  addEventListener('hashchange', read);
  addEventListener('popstate', read);
  place.set(parsePlace(location.hash));
}

/** Goes to a place: a new step in the history, unless `replace`. */
export function go(
  path: string,
  query: Query | URLSearchParams = {},
  how: 'push' | 'replace' = 'push',
): void {
  const href = hrefOf(path, query);
  if (href === location.hash) return;
  step(href, how, null);
}

function step(href: string, how: 'push' | 'replace', carried: typeof LAYER | null): void {
  const next = parsePlace(href);
  const stays = next.path === place.value.path;
  if (how === 'replace') history.replaceState(stays ? history.state : null, '', href);
  else history.pushState(carried, '', href);
  place.set(next);
}

/**
 * Changes some values of the query and keeps the others. `replace` (the default) is for what changes while one types or
 * filters; `push` for what the back button should undo, such as an opened drawer.
 */
export function setQuery(changes: Query, how: 'push' | 'replace' = 'replace'): void {
  go(place.value.path, changed(place.value.query, changes), how);
}

/** Opens what lies over the page, which a value of the query names: the back button closes it. */
export function openLayer(changes: Query): void {
  step(hrefOf(place.value.path, changed(place.value.query, changes)), 'push', LAYER);
}

/** Closes it again: a step back where it was a step of its own, else `changes` say that it is closed. */
export function closeLayer(changes: Query): void {
  if (leaving) return;
  leaving = isLayer(history.state);
  if (leaving) history.back();
  else setQuery(changes);
}

function isLayer(state: unknown): boolean {
  return typeof state === 'object' && state !== null && 'layer' in state;
}

/** Layers that any page may have, by their names in the address: `layer=health`. */
export type LayerName = 'health' | 'help' | 'more' | 'filters';

export const isOpen = (name: LayerName): boolean => place.value.query.get('layer') === name;
export const openNamed = (name: LayerName): void => openLayer({ layer: name });
export const closeNamed = (): void => closeLayer({ layer: null });
