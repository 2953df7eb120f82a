import type { Argument, Command, Option } from 'commander';
import type { NameKind } from '../../lib/store/completion-names.ts';

/** What stands where a value is wanted. */
export type Values =
  | { readonly kind: 'words'; readonly words: readonly string[] }
  | { readonly kind: 'files' | 'directories' | 'nothing' }
  /** Asked for while somebody types. */
  | { readonly kind: 'list'; readonly list: NameKind | 'zones' };

export interface OptionSpec {
  /** `-n` and `--limit`. */
  readonly flags: readonly string[];
  readonly summary: string;
  /** Of a value that has to follow; null: none has. */
  readonly values: Values | null;
}

export interface CommandSpec {
  /** `prices list`; `''`: the program. */
  readonly path: string;
  readonly name: string;
  readonly summary: string;
  /** Those of every command are of the program. */
  readonly options: readonly OptionSpec[];
  readonly args: ReadonlyArray<{ readonly values: Values; readonly isVariadic: boolean }>;
  readonly commands: readonly CommandSpec[];
}

const list = (name: NameKind | 'zones'): Values => ({ kind: 'list', list: name });
const TIMES: Values = { kind: 'words', words: ['1h', '24h', '7d', '30d', 'today', 'yesterday'] };
const NOTHING: Values = { kind: 'nothing' };

/** By the long flag of an option, where the name of its value does not tell. */
const BY_FLAG: Readonly<Record<string, Values>> = {
  '--model': list('models'),
  '--provider': list('providers'),
  '--credential': list('credentials'),
  '--key': list('keys'),
};

/** By the name of the value, as help shows it: `<file>`. */
const BY_NAME: Readonly<Record<string, Values>> = {
  file: { kind: 'files' },
  files: { kind: 'files' },
  path: { kind: 'files' },
  backup: { kind: 'files' },
  dir: { kind: 'directories' },
  directory: { kind: 'directories' },
  time: TIMES,
  zone: list('zones'),
  model: list('models'),
  models: list('models'),
  key: list('keys'),
  'key-or-alias': list('keys'),
};

/** The command line as it can be typed: everything that help shows, and nothing that is hidden. */
export function commandSpec(program: Command): CommandSpec {
  const spec = specOf(program, '');
  const names = spec.commands.map(({ name }) => name);
  const help: CommandSpec = {
    path: 'help',
    name: 'help',
    summary: 'print help for a command',
    options: [],
    args: [{ values: { kind: 'words', words: names }, isVariadic: false }],
    commands: [],
  };
  return { ...spec, commands: [...spec.commands, help] };
}

/** A command and all below it. */
export function everyCommand(spec: CommandSpec): readonly CommandSpec[] {
  return [spec, ...spec.commands.flatMap(everyCommand)];
}

function specOf(command: Command, path: string): CommandSpec {
  const options = command.options.filter(({ hidden }) => !hidden).map(optionSpec);
  const isProgram = path === '';
  return {
    path,
    name: command.name(),
    summary: command.description(),
    options: isProgram
      ? [...options, { flags: ['-h', '--help'], summary: 'print help and exit', values: null }]
      : options,
    args: command.registeredArguments.map((argument) => ({
      values: argumentValues(argument),
      isVariadic: argument.variadic,
    })),
    commands: command.commands.map((below) =>
      specOf(below, isProgram ? below.name() : `${path} ${below.name()}`),
    ),
  };
}

function optionSpec(option: Option): OptionSpec {
  const flags = [option.short, option.long].filter((flag) => flag !== undefined);
  return { flags, summary: option.description, values: option.required ? optionValues(option) : null };
}

function optionValues(option: Option): Values {
  if (option.argChoices) return { kind: 'words', words: option.argChoices };
  const [, name = ''] = /<([^>.]+)/.exec(option.flags) ?? [];
  return BY_FLAG[option.long ?? ''] ?? BY_NAME[name] ?? NOTHING;
}

function argumentValues(argument: Argument): Values {
  if (argument.argChoices) return { kind: 'words', words: argument.argChoices };
  return BY_NAME[argument.name()] ?? NOTHING;
}
