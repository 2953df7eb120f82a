import { area } from './i18n.ts';

/** Words of the elements that every page uses. */
export const common = area<typeof import('./en/common.ts').default>({
  en: () => import('./en/common.ts'),
  'zh-CN': () => import('./zh-CN/common.ts'),
});
