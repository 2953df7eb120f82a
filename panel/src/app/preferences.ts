import { html, type TemplateResult } from 'lit';
import type { IconName } from '../elements/icon.ts';
import '../elements/menu.ts';
import { chooseLanguage, language, LANGUAGE_NAMES, LANGUAGES } from '../i18n/i18n.ts';
import { chooseTheme, theme, THEMES, type Theme } from '../lib/theme.ts';
import { shell } from './texts.ts';

const THEME_ICONS: Readonly<Record<Theme, IconName>> = { auto: 'screen', light: 'sun', dark: 'moon' };

/** The menus for language and theme. Whoever shows them watches the theme. */
export function preferences(): TemplateResult {
  return html`<cp-menu
      label=${shell.t('language')}
      icon="globe"
      .items=${LANGUAGES.map((value) => ({
        value,
        label: LANGUAGE_NAMES[value],
        checked: value === language.value,
      }))}
      @pick=${({ detail }: CustomEvent<string>) => {
        const wanted = LANGUAGES.find((one) => one === detail);
        if (wanted) void chooseLanguage(wanted);
      }}
    ></cp-menu>
    <cp-menu
      label=${shell.t('theme')}
      icon=${THEME_ICONS[theme.value]}
      .items=${THEMES.map((value) => ({
        value,
        label: shell.t(`theme_${value}`),
        icon: THEME_ICONS[value],
        checked: value === theme.value,
      }))}
      @pick=${({ detail }: CustomEvent<string>) => {
        const wanted = THEMES.find((one) => one === detail);
        if (wanted) chooseTheme(wanted);
      }}
    ></cp-menu>`;
}
