import { everyCommand, type CommandSpec, type OptionSpec, type Values } from './spec.ts';

const quoted = (text: string): string => `'${text.replaceAll(/[\\']/g, String.raw`\$&`)}'`;

export function fishScript(spec: CommandSpec): string {
  const all = everyCommand(spec);
  const takers = [
    ...new Set(
      all.flatMap(({ options }) => options.flatMap(({ flags, values }) => (values === null ? [] : flags))),
    ),
  ];
  return `# Completion of cpamp for fish, made by: cpamp completion fish

${functions(takers, all)}
complete -c cpamp -f
${all.flatMap((command) => rules(command, spec.options)).join('\n')}
`;
}

/**
 * `__cpamp_walk` sets `where`, the command that the words before the cursor name, `nth`, the argument that comes next,
 * and `place`, where the database is. fish quotes what it inserts.
 */
function functions(takers: readonly string[], all: readonly CommandSpec[]): string {
  const paths = all.map(({ path }) => path).filter((path) => path !== '');
  return String.raw`function __cpamp_walk --no-scope-shadowing
    set -l takers ${takers.join(' ')}
    set -l paths ${paths.map(quoted).join(' ')}
    set -l waiting ''
    set where ''
    set nth 1
    set place
    set -l tokens (commandline -opc)
    for word in $tokens[2..-1]
        if test -n "$waiting"
            contains -- $waiting --data-dir --db; and set -a place $waiting (string replace -r '^~/' "$HOME/" -- $word)
            set waiting ''
        else if contains -- $word $takers
            set waiting $word
        else if string match -q -- '-*' $word
            string match -qr -- '^--(data-dir|db)=' $word; and set -a place $word
        else
            set -l deeper (string trim -- "$where $word")
            if test $nth -eq 1; and contains -- $deeper $paths
                set where $deeper
            else
                set nth (math $nth + 1)
            end
        end
    end
end

function __cpamp_at
    set -l where
    set -l nth
    set -l place
    __cpamp_walk
    test "$where" = "$argv[1]"; or return 1
    test (count $argv) -lt 2; or test "$argv[2]" = any; or test $nth -eq "$argv[2]"
end

function __cpamp_list
    set -l where
    set -l nth
    set -l place
    __cpamp_walk
    set -l tokens (commandline -opc)
    set -l typed (string replace -r '^--[a-z-]+=' '' -- (commandline -ct))
    set -l program (string replace -r '^~/' "$HOME/" -- $tokens[1])
    $program $place completion --list $argv[1] -- (string unescape -- "$typed"; or echo) 2>/dev/null
end
`;
}

function rules({ path, options, args, commands }: CommandSpec, common: readonly OptionSpec[]): string[] {
  const at = (nth?: number | 'any'): string =>
    `-n ${quoted(`__cpamp_at ${quoted(path)}${nth === undefined ? '' : ` ${nth}`}`)}`;
  return [
    ...commands.map(
      ({ name, summary }) => `complete -c cpamp ${at(1)} -a ${quoted(name)} -d ${quoted(summary)}`,
    ),
    ...(options === common ? common : options).map(
      (option) => `complete -c cpamp ${options === common ? '' : `${at()} `}${optionRule(option)}`,
    ),
    ...args.map(
      ({ values, isVariadic }, index) =>
        `complete -c cpamp ${at(isVariadic ? 'any' : index + 1)} ${offer(values)}`,
    ),
  ];
}

function optionRule({ flags, summary, values }: OptionSpec): string {
  const names = flags.map((flag) => (flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`));
  const value =
    values === null
      ? ''
      : ` ${values.kind === 'files' || values.kind === 'directories' ? '-r' : '-x'} ${offer(values)}`;
  return `${names.join(' ')} -d ${quoted(summary)}${value}`.trimEnd();
}

function offer(values: Values): string {
  switch (values.kind) {
    case 'words':
      return `-a ${quoted(values.words.join(' '))}`;
    case 'files':
      return '-F';
    case 'directories':
      return `-a ${quoted('(__fish_complete_directories)')}`;
    case 'list':
      return `-a ${quoted(`(__cpamp_list ${values.list})`)}`;
    case 'nothing':
      return '';
    default:
      return values satisfies never;
  }
}
