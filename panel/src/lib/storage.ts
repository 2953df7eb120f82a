/**
 * Small choices that outlive the page: theme, language, a folded menu. Never a key. Storage may be switched off or
 * full; then a choice lasts as long as the page.
 */
const PREFIX = 'panel:v1:';

export type ChoiceName = 'theme' | 'language' | 'menu' | `view:${string}`;

export function readChoice(name: ChoiceName): string | null {
  try {
    return localStorage.getItem(PREFIX + name);
  } catch {
    return null;
  }
}

export function writeChoice(name: ChoiceName, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(PREFIX + name);
    else localStorage.setItem(PREFIX + name, value);
  } catch {
    // The page keeps the choice itself.
  }
}
