import { Store } from '../lib/store.ts';
import { readChoice, writeChoice } from '../lib/storage.ts';

export const LANGUAGES = ['en', 'zh-CN'] as const;
export type Language = (typeof LANGUAGES)[number];
export const LANGUAGE_NAMES: Readonly<Record<Language, string>> = { en: 'English', 'zh-CN': '简体中文' };

/** The form for a count is chosen by the language's plural rule of `{n}`. */
interface Plural {
  readonly one?: string;
  readonly other: string;
}
export type Catalogue = Readonly<Record<string, string | Plural>>;

/** What a translation of an English catalogue has to have: the same keys, nothing missing and nothing besides. */
export type Translation<C> = { readonly [K in keyof C]: C[K] extends string ? string : Plural };

type Names<S> = S extends `${string}{${infer Name}}${infer Rest}` ? Name | Names<Rest> : never;
type ParamNames<M> = M extends { readonly other: infer Other } ? Names<Other> | 'n' : Names<M>;
type Params<M> = Readonly<Record<ParamNames<M>, string | number>>;
/** No second argument where the text has no places to fill. */
type Rest<M> = [ParamNames<M>] extends [never] ? [] : [params: Params<M>];

/** The language in use. Set it with `chooseLanguage`, which first gets the texts. */
export const language = new Store<Language>('en');

/** What is loaded for a language before the page switches to it. */
interface Following {
  load(wanted: Language): Promise<void>;
}
const areas = new Set<Following>();

/** Loads it for the language in use, and from now on for each before the page switches to it. */
export function follow(following: Following): Promise<void> {
  areas.add(following);
  return following.load(language.value);
}

/** One family of texts, such as those of a page, in all languages. A language's file is loaded when it is wanted. */
export class Area<C extends Catalogue> {
  readonly #load: (language: Language) => Promise<Catalogue>;
  readonly #texts = new Map<Language, Catalogue>();

  constructor(load: (language: Language) => Promise<Catalogue>) {
    this.#load = load;
  }

  /** Has to be done before the first `t`; routes do it for the areas they name. */
  async load(wanted: Language = language.value): Promise<void> {
    areas.add(this);
    if (!this.#texts.has(wanted)) this.#texts.set(wanted, await this.#load(wanted));
  }

  /** The text in the language in use, with `{name}` filled in. Numbers are written as the language writes them. */
  readonly t = <K extends keyof C & string>(key: K, ...[params]: Rest<C[K]>): string => {
    const message = this.#texts.get(language.value)?.[key] ?? key;
    return fill(language.value, message, params ?? {});
  };

  has(key: string): key is keyof C & string {
    return Object.hasOwn(this.#texts.get(language.value) ?? {}, key);
  }
}

/** Binds the files of a family: `area<typeof import('./en/x.ts').default>({ en: () => import('./en/x.ts'), ... })`. */
export function area<C extends Catalogue>(
  files: Readonly<Record<Language, () => Promise<{ readonly default: Translation<C> }>>>,
): Area<C> {
  return new Area<C>(async (wanted) => (await files[wanted]()).default);
}

export function fill(
  wanted: Language,
  message: string | Plural,
  params: Readonly<Record<string, string | number>>,
): string {
  return textFor(wanted, message, params['n']).replaceAll(/\{(\w+)\}/g, (whole, name: string) => {
    const value = params[name];
    if (value === undefined) return whole;
    return typeof value === 'number' ? numbers(wanted).format(value) : value;
  });
}

function textFor(wanted: Language, message: string | Plural, n: string | number | undefined): string {
  if (typeof message === 'string') return message;
  return plurals(wanted).select(Number(n)) === 'one' ? (message.one ?? message.other) : message.other;
}

const plurals = keep((wanted: Language) => new Intl.PluralRules(wanted));
const numbers = keep((wanted: Language) => new Intl.NumberFormat(wanted));

/** Makes each once: what formats numbers and dates is costly to make. */
export function keep<K, T>(make: (key: K) => T): (key: K) => T {
  const made = new Map<K, T>();
  return (key) => {
    const known = made.get(key);
    if (known !== undefined) return known;
    const fresh = make(key);
    made.set(key, fresh);
    return fresh;
  };
}

/** The saved choice, else the first of the browser's languages that we have, else English. */
export function preferredLanguage(saved: string | null, browser: readonly string[]): Language {
  const known = LANGUAGES.find((one) => one === saved);
  if (known) return known;
  for (const tag of browser) {
    const primary = tag.toLowerCase().split('-')[0];
    if (primary === 'zh') return 'zh-CN';
    if (primary === 'en') return 'en';
  }
  return 'en';
}

export async function startLanguage(): Promise<void> {
  await use(preferredLanguage(readChoice('language'), navigator.languages));
}

/** Switches everything on the page, once the texts are there, and remembers it. */
export async function chooseLanguage(wanted: Language): Promise<void> {
  await use(wanted);
  writeChoice('language', language.value);
}

let chosen: Language = 'en';

async function use(wanted: Language): Promise<void> {
  chosen = wanted;
  // Texts that a page asks for meanwhile come in the language of before; they are wanted in this one too.
  for (let known = -1; known !== areas.size;) {
    known = areas.size;
    await Promise.all([...areas].map((one) => one.load(wanted)));
  }
  if (chosen !== wanted) return;
  document.documentElement.lang = wanted;
  language.set(wanted);
}
