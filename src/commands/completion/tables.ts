import { everyCommand, type CommandSpec, type OptionSpec, type Values } from './spec.ts';

/** A word for bash and zsh, whatever is in it. */
export function quoted(text: string): string {
  return /^[\w./:@%+,-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** How a shell wants what can be chosen: the word alone, or with what it means. */
export type Describe = (word: string, summary: string) => string;

/**
 * The command line as functions that bash and zsh understand alike:
 *
 * - `_cpamp_words`: sets `subcommands` and `flags` for the command in `where`;
 * - `_cpamp_value FLAG`: whether a value follows it, and `kind` and `choices` of that value;
 * - `_cpamp_argument N`: the same of the command's Nth argument;
 * - `_cpamp_enter WORD`: goes on to the command below that has this name;
 * - `_cpamp_walk WORD...`: all words before the one that is typed. Sets `where`, `nth` (the argument that comes next),
 *   `waiting` (the flag whose value comes next) and `place` (where the database is, for what asks it).
 */
export function sharedFunctions(spec: CommandSpec, describe: Describe): string {
  const all = everyCommand(spec);
  return [words(all, spec.options, describe), values(all), positions(all), enter(all), WALK].join('\n');
}

function words(all: readonly CommandSpec[], common: readonly OptionSpec[], describe: Describe): string {
  const flagsOf = (options: readonly OptionSpec[]): string =>
    options.flatMap(({ flags, summary }) => flags.map((flag) => quoted(describe(flag, summary)))).join(' ');
  const cases = all.map(({ path, commands, options }) => {
    const names = commands.map(({ name, summary }) => quoted(describe(name, summary))).join(' ');
    const own = path === '' ? [] : options;
    return `    ${quoted(path) || "''"})\n      subcommands=(${names})\n      flags=(${flagsOf(own)})\n      ;;`;
  });
  return `_cpamp_words() {
  subcommands=() flags=()
  case "$where" in
${cases.join('\n')}
  esac
  flags+=(${flagsOf(common)})
}
`;
}

function values(all: readonly CommandSpec[]): string {
  const cases = all.flatMap(({ path, options }) =>
    options.flatMap(({ flags, values: wanted }) => {
      if (wanted === null) return [];
      const patterns = flags.map((flag) => (path === '' ? `*' ${flag}'` : `'${path} ${flag}'`));
      return [`    ${patterns.join('|')}) ${assign(wanted)} ;;`];
    }),
  );
  return `_cpamp_value() {
  kind=nothing choices=()
  case "$where $1" in
${cases.join('\n')}
    *) return 1 ;;
  esac
}
`;
}

function positions(all: readonly CommandSpec[]): string {
  const cases = all.flatMap(({ path, args }) =>
    args.map(
      ({ values: wanted, isVariadic }, at) =>
        `    '${path} '${isVariadic ? '*' : at + 1}) ${assign(wanted)} ;;`,
    ),
  );
  return `_cpamp_argument() {
  kind=nothing choices=()
  case "$where $1" in
${cases.join('\n')}
    *) return 1 ;;
  esac
}
`;
}

function enter(all: readonly CommandSpec[]): string {
  const cases = all
    .flatMap(({ path, commands }) =>
      commands.map((below) => [`'${path}/${below.name}'`, below.path] as const),
    )
    .map(([pattern, path]) => `    ${pattern}) where='${path}' ;;`);
  return `_cpamp_enter() {
  case "$where/$1" in
${cases.join('\n')}
    *) return 1 ;;
  esac
}
`;
}

function assign(wanted: Values): string {
  if (wanted.kind === 'words') return `kind=words choices=(${wanted.words.map(quoted).join(' ')})`;
  return `kind=${wanted.kind === 'list' ? wanted.list : wanted.kind}`;
}

const WALK = String.raw`_cpamp_place() {
  local value
  case "$1" in
    --data-dir|--db)
      value=$2
      value=${'$'}{value//\"/}
      value=${'$'}{value//\'/}
      case "$value" in '~/'*) value="$HOME/${'$'}{value#??}" ;; esac
      place+=("$1" "$value")
      ;;
  esac
}

_cpamp_walk() {
  local word only=''
  where='' nth=1 waiting='' place=()
  for word in "$@"; do
    if [[ -n $waiting ]]; then
      _cpamp_place "$waiting" "$word"
      waiting=''
    elif [[ -n $only ]]; then
      nth=$((nth + 1))
    elif [[ $word == -- ]]; then
      only=1
    elif [[ $word == --*=* ]]; then
      _cpamp_place "${'$'}{word%%=*}" "${'$'}{word#*=}"
    elif [[ $word == -* ]]; then
      if _cpamp_value "$word"; then waiting=$word; fi
    elif ! _cpamp_enter "$word"; then
      nth=$((nth + 1))
    fi
  done
}
`;
