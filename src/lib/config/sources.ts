import { resolve } from 'node:path';
import { AppError } from '../errors.ts';
import type { ConfigFile } from './config-file.ts';
import { SETTINGS, type Origin, type SettingName } from './settings.ts';

/** Values of the command line, by setting. A key is never one: only the file it is in. */
export type ConfigFlags = Readonly<Partial<Record<SettingName, string | number | boolean>>>;

export type Environment = Readonly<Record<string, string | undefined>>;

/** A value that was given somewhere. */
export interface Given {
  readonly text: string;
  readonly origin: Exclude<Origin, 'default'>;
  /** What to call it in a message: the flag, the variable, or the key and its file. */
  readonly label: string;
}

/** Looks a value up in flags, environment and config.json, in this order. Blank is not given. */
export interface Sources {
  /** Every place that gives the value, the winning one first. */
  all(name: SettingName): readonly Given[];
  first(name: SettingName): Given | null;
  /** The same as an absolute path: relative ones count from the working directory. */
  path(name: SettingName): Given | null;
  /** A variable that has no key in config.json and no flag. */
  variable(env: string): string;
}

export function sourcesOf(
  flags: ConfigFlags,
  env: Environment,
  file: ConfigFile | null,
  cwd: string,
): Sources {
  const variable = (name: string): string => env[name]?.trim() ?? '';
  const all = (name: SettingName): readonly Given[] => {
    const { env: variableName, flag, key } = SETTINGS[name];
    const given: readonly Given[] = [
      { text: String(flags[name] ?? '').trim(), origin: 'flag', label: flag },
      { text: variable(variableName), origin: 'env', label: variableName },
      { text: file?.values.get(name) ?? '', origin: 'file', label: `${key} in ${file?.path ?? ''}` },
    ];
    return given.filter((one) => one.text !== '');
  };
  const first = (name: SettingName): Given | null => all(name)[0] ?? null;
  return {
    all,
    first,
    variable,
    path: (name) => {
      const given = first(name);
      return given && { ...given, text: resolve(cwd, given.text) };
    },
  };
}

/** The error for a value that decides too much to be replaced. */
export function refuse(given: Given, allowed: string): AppError {
  return new AppError('invalid_config', {
    detail: `${given.label} is "${given.text}"; allowed is ${allowed}`,
  });
}
