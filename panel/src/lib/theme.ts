import { readChoice, writeChoice } from './storage.ts';
import { Store } from './store.ts';

export const THEMES = ['auto', 'light', 'dark'] as const;
export type Theme = (typeof THEMES)[number];

/** `src/theme.ts`, which runs before the first paint, has put the saved one on the page already. */
export const theme = new Store<Theme>('auto');

export function startTheme(): void {
  theme.set(THEMES.find((one) => one === readChoice('theme')) ?? 'auto');
}

export function chooseTheme(wanted: Theme): void {
  if (wanted === 'auto') delete document.documentElement.dataset['theme'];
  else document.documentElement.dataset['theme'] = wanted;
  writeChoice('theme', wanted === 'auto' ? null : wanted);
  theme.set(wanted);
}
