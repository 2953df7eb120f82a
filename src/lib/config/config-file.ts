import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { AppError } from '../errors.ts';
import { systemCode, whyNot } from '../files.ts';
import { splitList } from './values.ts';
import { SETTINGS, SETTING_NAMES, type SettingName } from './settings.ts';

/** What a config.json says. Texts are trimmed, paths absolute, lists joined with commas; blank and zero are left out. */
export interface ConfigFile {
  readonly path: string;
  readonly values: ReadonlyMap<SettingName, string>;
}

/**
 * Reads a config.json; `null` when there is none. It is never written. Throws `invalid_config` when it cannot be read,
 * is not a JSON object, or holds a value of another type than its key needs. Unknown keys are ignored.
 */
export function readConfigFile(path: string): ConfigFile | null {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(systemCode(error))) return null;
    throw new AppError('invalid_config', {
      detail: `${path} cannot be read: ${whyNot(error)}`,
      ...(['EACCES', 'EPERM'].includes(systemCode(error)) && {
        hint: `Run this as the user that ${dirname(path)} belongs to (this is uid ${process.getuid?.() ?? '?'}).`,
      }),
      cause: error,
    });
  }
  const keys = parseObject(path, text);
  const values = new Map<SettingName, string>();
  for (const name of SETTING_NAMES) {
    const { key, type } = SETTINGS[name];
    const given = keys.get(key) ?? keys.get(key.toLowerCase());
    const value = given === undefined || given === null ? '' : asText(path, key, type, given);
    if (value !== '') values.set(name, value);
  }
  return { path, values };
}

/** The places where a config.json is looked for when none is named, in order. */
export function defaultConfigPaths(cwd: string, dataDir: string): readonly string[] {
  return [join(cwd, 'config.json'), join(dataDir, 'config.json')];
}

/** By key as it is written, and by its lower-case form: the older programs did not look at the case. */
function parseObject(path: string, text: string): ReadonlyMap<string, unknown> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (cause) {
    // The parser's message quotes the text, which may hold what does not belong in a log.
    throw new AppError('invalid_config', { detail: `${path} is not valid JSON`, cause });
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new AppError('invalid_config', { detail: `${path} is not a JSON object` });
  }
  const keys = new Map<string, unknown>();
  for (const [key, value] of Object.entries(parsed)) keys.set(key.toLowerCase(), value);
  for (const [key, value] of Object.entries(parsed)) keys.set(key, value);
  return keys;
}

function asText(
  path: string,
  key: string,
  type: (typeof SETTINGS)[SettingName]['type'],
  given: unknown,
): string {
  let allowed: string;
  switch (type) {
    case 'integer':
      if (typeof given === 'number' && Number.isInteger(given)) return given === 0 ? '' : String(given);
      allowed = 'a whole number';
      break;
    case 'boolean':
      if (typeof given === 'boolean') return given ? 'true' : '';
      allowed = 'true or false';
      break;
    case 'list':
      if (Array.isArray(given) && given.every((one) => typeof one === 'string')) {
        return splitList(given.join(',')).join(',');
      }
      allowed = 'a list of texts';
      break;
    case 'path':
      if (typeof given === 'string' && !given.includes('\0')) {
        return given.trim() === '' ? '' : resolve(dirname(path), given.trim());
      }
      allowed = 'a path';
      break;
    case 'text':
      if (typeof given === 'string') return given.trim();
      allowed = 'a text';
      break;
  }
  throw new AppError('invalid_config', {
    detail: `${key} in ${path} is ${describe(given)}; allowed is ${allowed}`,
  });
}

function describe(given: unknown): string {
  if (Array.isArray(given)) return 'a list';
  return typeof given === 'object' ? 'an object' : JSON.stringify(given);
}
