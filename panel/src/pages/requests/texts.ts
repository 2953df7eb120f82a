import { area } from '../../i18n/i18n.ts';

export const requests = area<typeof import('../../i18n/en/requests.ts').default>({
  en: () => import('../../i18n/en/requests.ts'),
  'zh-CN': () => import('../../i18n/zh-CN/requests.ts'),
});
