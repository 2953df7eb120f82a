import { area } from '../../i18n/i18n.ts';

export const takeoverTexts = area<typeof import('../../i18n/en/takeover.ts').default>({
  en: () => import('../../i18n/en/takeover.ts'),
  'zh-CN': () => import('../../i18n/zh-CN/takeover.ts'),
});
