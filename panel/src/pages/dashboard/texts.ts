import { area } from '../../i18n/i18n.ts';

export const dashboard = area<typeof import('../../i18n/en/dashboard.ts').default>({
  en: () => import('../../i18n/en/dashboard.ts'),
  'zh-CN': () => import('../../i18n/zh-CN/dashboard.ts'),
});
