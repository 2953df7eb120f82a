/** Where in the panel one is: `#/monitoring?model=x` is the path `/monitoring` with the query `model=x`. */
export interface Place {
  readonly path: string;
  readonly query: URLSearchParams;
}

/** A query to be: an absent, null or empty value is left out, an array becomes the name repeated. */
export type Query = Readonly<Record<string, string | number | readonly string[] | null | undefined>>;

export function parsePlace(hash: string): Place {
  const text = hash.replace(/^#/, '');
  const mark = text.indexOf('?');
  const path = mark < 0 ? text : text.slice(0, mark);
  const clean = `/${path.split('/').filter(Boolean).join('/')}`;
  return { path: clean, query: new URLSearchParams(mark < 0 ? '' : text.slice(mark + 1)) };
}

/** The address of a place, for `href`. */
export function hrefOf(path: string, query: Query | URLSearchParams = {}): string {
  const params = query instanceof URLSearchParams ? query : toParams(query);
  const text = params.toString();
  return `#${path}${text === '' ? '' : `?${text}`}`;
}

export function toParams(query: Query): URLSearchParams {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) set(params, name, value);
  return params;
}

/** `query` with the changes; names that are not in `changes` stay. */
export function changed(query: URLSearchParams, changes: Query): URLSearchParams {
  const params = new URLSearchParams(query);
  for (const [name, value] of Object.entries(changes)) {
    params.delete(name);
    set(params, name, value);
  }
  return params;
}

function set(params: URLSearchParams, name: string, value: Query[string]): void {
  if (value === null || value === undefined || value === '') return;
  if (typeof value === 'string' || typeof value === 'number') params.append(name, String(value));
  else for (const one of value) params.append(name, one);
}
