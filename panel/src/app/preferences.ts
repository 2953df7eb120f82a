import { html, type TemplateResult } from 'lit';
import { valueOf } from '../elements/controls.ts';
import type { IconName } from '../elements/icon.ts';
import '../elements/menu.ts';
import { chooseLanguage, language, LANGUAGE_NAMES, LANGUAGES } from '../i18n/i18n.ts';
import { chooseTheme, theme, THEMES, type Theme } from '../lib/theme.ts';
import { shell } from './texts.ts';

const THEME_ICONS: Readonly<Record<Theme, IconName>> = { auto: 'screen', light: 'sun', dark: 'moon' };

const languages = () => LANGUAGES.map((value) => ({ value, label: LANGUAGE_NAMES[value] }));
const themes = () =>
  THEMES.map((value) => ({ value, label: shell.t(`theme_${value}`), icon: THEME_ICONS[value] }));

function takeLanguage(value: string): void {
  const wanted = LANGUAGES.find((one) => one === value);
  if (wanted) void chooseLanguage(wanted);
}

function takeTheme(value: string): void {
  const wanted = THEMES.find((one) => one === value);
  if (wanted) chooseTheme(wanted);
}

/** The menus for language and theme. Whoever shows them watches the theme. */
export function preferences(): TemplateResult {
  return html`<cp-menu
      label=${shell.t('language')}
      icon="globe"
      .items=${languages().map((one) => ({ ...one, checked: one.value === language.value }))}
      @pick=${({ detail }: CustomEvent<string>) => takeLanguage(detail)}
    ></cp-menu>
    <cp-menu
      label=${shell.t('theme')}
      icon=${THEME_ICONS[theme.value]}
      .items=${themes().map((one) => ({ ...one, checked: one.value === theme.value }))}
      @pick=${({ detail }: CustomEvent<string>) => takeTheme(detail)}
    ></cp-menu>`;
}

/** The same choices laid open, where there is room. */
export function preferenceFields(): TemplateResult {
  return html`<cp-segmented
      label=${shell.t('language')}
      .options=${languages()}
      .value=${language.value}
      @change=${(event: Event) => takeLanguage(valueOf(event))}
    ></cp-segmented>
    <cp-segmented
      label=${shell.t('theme')}
      .options=${themes()}
      .value=${theme.value}
      @change=${(event: Event) => takeTheme(valueOf(event))}
    ></cp-segmented>`;
}
