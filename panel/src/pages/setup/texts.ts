import { area } from '../../i18n/i18n.ts';

/** Words of the connection to the gateway: in the setup and later. */
export const connection = area<typeof import('../../i18n/en/connection.ts').default>({
  en: () => import('../../i18n/en/connection.ts'),
  'zh-CN': () => import('../../i18n/zh-CN/connection.ts'),
});
