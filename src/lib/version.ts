import { readFileSync } from 'node:fs';

/**
 * The package's version. Its package.json is one folder further away from compiled code (`dist/src/lib`) than from the
 * sources (`src/lib`).
 */
export const VERSION: string = readVersion();

function readVersion(): string {
  for (const candidate of ['../../package.json', '../../../package.json']) {
    try {
      const parsed: unknown = JSON.parse(readFileSync(new URL(candidate, import.meta.url), 'utf8'));
      if (isPackage(parsed)) return parsed.version;
    } catch {
      // Not there: look one folder further up.
    }
  }
  return '0.0.0';
}

function isPackage(value: unknown): value is { name: string; version: string } {
  return (
    typeof value === 'object' &&
    value !== null &&
    'name' in value &&
    value.name === 'cpamp' &&
    'version' in value
  );
}
