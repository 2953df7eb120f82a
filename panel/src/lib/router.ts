import { changed, hrefOf, parsePlace, type Place, type Query } from './location.ts';
import { Store } from './store.ts';

/** The place that the address names now. Changes with the address, the back button included. */
export const place = new Store<Place>({ path: '/', query: new URLSearchParams() });

export function startRouter(): void {
  const read = (): void => {
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
  if (how === 'replace') history.replaceState(history.state, '', href);
  else history.pushState(null, '', href);
  place.set(parsePlace(href));
}

/**
 * Changes some values of the query and keeps the others. `replace` (the default) is for what changes while one types or
 * filters; `push` for what the back button should undo, such as an opened drawer.
 */
export function setQuery(changes: Query, how: 'push' | 'replace' = 'replace'): void {
  go(place.value.path, changed(place.value.query, changes), how);
}
