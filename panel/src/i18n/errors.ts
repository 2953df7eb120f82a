import { area } from './i18n.ts';

/** What to say for each code of an ApiError. */
export const errors = area<typeof import('./en/errors.ts').default>({
  en: () => import('./en/errors.ts'),
  'zh-CN': () => import('./zh-CN/errors.ts'),
});
