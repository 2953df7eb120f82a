import { area } from '../i18n/i18n.ts';

/** Words of the frame around the pages: menu, header, login. */
export const shell = area<typeof import('../i18n/en/shell.ts').default>({
  en: () => import('../i18n/en/shell.ts'),
  'zh-CN': () => import('../i18n/zh-CN/shell.ts'),
});
