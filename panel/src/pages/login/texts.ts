import { area } from '../../i18n/i18n.ts';

export const login = area<typeof import('../../i18n/en/login.ts').default>({
  en: () => import('../../i18n/en/login.ts'),
  'zh-CN': () => import('../../i18n/zh-CN/login.ts'),
});
