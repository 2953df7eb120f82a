import type { IconName } from '../elements/icon.ts';
import { loadDiagnoses } from '../lib/describe-reason.ts';
import { dashboard } from '../pages/dashboard/texts.ts';
import { login } from '../pages/login/texts.ts';
import { requests } from '../pages/requests/texts.ts';
import { connection } from '../pages/setup/texts.ts';
import { takeoverTexts } from '../pages/takeover/texts.ts';
import { TAKEOVER } from './takeover-strip.ts';
import { shell } from './texts.ts';

/** A page. Its file defines the element `tag`; its texts are there before it is shown. */
export interface Route {
  readonly path: string;
  /** Other addresses that lead here, such as those of older panels. */
  readonly aliases: readonly string[];
  readonly tag: string;
  /** Loads the page's file and its texts at once. */
  readonly load: () => Promise<unknown>;
  readonly title: () => string;
  /** Absent: not in the menu. */
  readonly menu?: {
    readonly icon: IconName;
    /** Pressed after `g`. */
    readonly key: string;
  };
  /** Keys of its own, with what they do; several are parted by a blank. */
  readonly keys?: () => ReadonlyArray<readonly [keys: string, text: string]>;
  /** Shown without the menu around it, and without a login. */
  readonly bare?: true;
}

type MenuRoute = Route & { readonly menu: NonNullable<Route['menu']> };

const ROUTES: readonly Route[] = [
  {
    path: '/login',
    aliases: [],
    tag: 'cp-page-login',
    load: () => Promise.all([import('../pages/login/login-page.ts'), login.load()]),
    title: () => shell.t('login'),
    bare: true,
  },
  {
    path: '/setup',
    aliases: [],
    tag: 'cp-page-setup',
    load: () =>
      Promise.all([import('../pages/setup/setup-page.ts'), connection.load(), login.load(), loadDiagnoses()]),
    title: () => shell.t('setup'),
    bare: true,
  },
  {
    path: '/dashboard',
    aliases: ['/'],
    tag: 'cp-page-dashboard',
    load: () => Promise.all([import('../pages/dashboard/dashboard-page.ts'), dashboard.load()]),
    title: () => shell.t('dashboard'),
    menu: { icon: 'dashboard', key: 'd' },
  },
  {
    path: '/monitoring',
    aliases: [],
    tag: 'cp-page-requests',
    load: () =>
      Promise.all([
        import('../pages/requests/requests-page.ts'),
        requests.load(),
        dashboard.load(),
        loadDiagnoses(),
      ]),
    title: () => shell.t('requests'),
    menu: { icon: 'requests', key: 'r' },
    keys: () => [
      ['/', requests.t('keySearch')],
      ['J K', requests.t('keyMove')],
      ['Home End', requests.t('keyEnds')],
      ['Enter', requests.t('keyOpen')],
    ],
  },
  {
    path: '/config',
    aliases: ['/settings', '/api-keys'],
    tag: 'cp-page-config',
    load: () => Promise.all([import('../pages/config/config-page.ts'), connection.load(), loadDiagnoses()]),
    title: () => shell.t('gateway'),
    menu: { icon: 'plug', key: 'c' },
  },
  {
    path: TAKEOVER,
    aliases: [],
    tag: 'cp-page-takeover',
    load: () => Promise.all([import('../pages/takeover/takeover-page.ts'), takeoverTexts.load()]),
    title: () => shell.t('takeover'),
  },
];

export const LOGIN = '/login';
export const SETUP = '/setup';

export function routeOf(path: string): Route | null {
  return ROUTES.find((one) => one.path === path || one.aliases.includes(path)) ?? null;
}

/** Pages of the menu, in its order. The first one is where one lands. */
export function menuRoutes(): readonly MenuRoute[] {
  return ROUTES.filter((one): one is MenuRoute => one.menu !== undefined);
}
