import { Command, CommanderError, Option } from 'commander';
import { reportError } from './commands/report-error.ts';
import type { CliContext, GlobalOptions } from './commands/shared/context.ts';
import { outputFailure } from './commands/shared/output-failure.ts';
import { COMMANDS, findCommand, type CommandEntry } from './commands/table.ts';
import { AppError, ERRORS, Exit } from './lib/errors.ts';
import { systemCode } from './lib/files.ts';
import { VERSION } from './lib/version.ts';

/** Options before the name of a command whose value is a word of its own. */
const WITH_VALUE = new Set(['--data-dir', '--db', '--db-path']);

/** The options of every command and the names of all of them; the commands themselves are still empty. */
function program(): Command {
  const cpamp = new Command('cpamp')
    .description('Keeps every usage record of a CLIProxyAPI gateway.')
    .version(VERSION, '-V, --version', 'print the version and exit')
    .helpOption('-h, --help', 'print help and exit')
    .helpCommand('help [command]', 'print help for a command')
    .option('--data-dir <dir>', 'folder for database, keys and spool (USAGE_DATA_DIR; default ./data)')
    .option('--db <file>', 'database file (USAGE_DB_PATH; default usage.sqlite in the data directory)')
    .addOption(new Option('--db-path <file>').hideHelp())
    .option('--json', 'print JSON for programs')
    .option('-q, --quiet', 'print results and errors only')
    .option('-v, --verbose', 'say more, and show where an error comes from')
    .option('--no-color', 'print without colours (also: NO_COLOR)')
    .configureHelp({ showGlobalOptions: true })
    // Errors are printed in one place, in the form that --json asks for.
    .configureOutput({ outputError: () => {} })
    .exitOverride();
  for (const { name, summary } of COMMANDS) cpamp.command(name).description(summary);
  return cpamp;
}

/**
 * Where the words of a command line name the command: the first that is no option and no option's value, and behind
 * `help` the next. -1 without one.
 */
function indexOfCommand(words: readonly string[]): number {
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? '';
    if (word === '--') return at + 1 < words.length ? at + 1 : -1;
    if (WITH_VALUE.has(word)) at += 1;
    else if (!word.startsWith('-') && word !== 'help') return at;
  }
  return -1;
}

/** The options of every command, once the command line was read. */
function globalOptions(cpamp: Command): GlobalOptions {
  const given = cpamp.opts<Partial<GlobalOptions>>();
  return { json: false, quiet: false, verbose: false, color: true, ...given };
}

/** Asked before the command line is understood, because that can fail as well. */
const isVerbose = (word: string): boolean => word === '--verbose' || word === '-v';

async function configure(cpamp: Command, entry: CommandEntry, context: CliContext): Promise<void> {
  const command = cpamp.commands.find((one) => one.name() === entry.name);
  if (command) (await entry.load()).configure(command, context);
}

/** The whole tree with the options of every command, for completion and for the check of the manual pages. */
export async function commandTree(context: CliContext): Promise<Command> {
  const cpamp = program();
  for (const entry of COMMANDS) await configure(cpamp, entry, context);
  return cpamp;
}

/**
 * Runs one command line. Answers the process's exit code and never throws. Only the file of the command that is named
 * is loaded, and none at all for `--version`, so that both answer at once.
 */
export async function main(argv: readonly string[]): Promise<number> {
  const cpamp = program();
  const words = argv.slice(2);
  const json = words.includes('--json');
  outliveReaders(json);
  if (words.length === 0) {
    cpamp.outputHelp({ error: true });
    return Exit.usage;
  }
  const at = indexOfCommand(words);
  const entry = findCommand(words[at] ?? '');
  let context: CliContext | null = null;
  try {
    if (entry) {
      words[at] = entry.name;
      const { openContext } = await import('./commands/shared/context.ts');
      context = openContext({
        options: () => globalOptions(cpamp),
        ownSignals: entry.ownSignals ?? false,
        tree: () => (context ? commandTree(context) : Promise.resolve(cpamp)),
      });
      await configure(cpamp, entry, context);
    }
    await cpamp.parseAsync(words, { from: 'user' });
    return context?.exitCode ?? Exit.ok;
  } catch (error) {
    const help = `See: ${nameOf(cpamp, entry, words[at + 1])} --help`;
    if (error instanceof CommanderError) return reportUsage(error, help, json);
    if (context?.endedBy && isMereEnd(error, context)) return context.exitCode;
    const code = reportError(withHelp(error, help), { verbose: words.some(isVerbose), json });
    return context?.endedBy?.exitCode ?? code;
  } finally {
    context?.close();
  }
}

/** Whether an error says no more than that the command was stopped: nothing is printed then. */
function isMereEnd(error: unknown, { endedBy }: CliContext): boolean {
  if (error instanceof AppError) return false;
  // Every write to a pipe without a reader fails in some way of its own.
  return endedBy?.cause === 'pipe' || (error instanceof Error && error.name === 'AbortError');
}

/** Without a reader there is nobody to tell, and with one that went away nothing is wrong. A full disk ends it. */
function outliveReaders(json: boolean): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error) => {
      if (systemCode(error) === 'EPIPE') return;
      process.exit(reportError(outputFailure('standard output', error), { verbose: false, json }));
    });
  }
}

/** The command as it is typed, with the one of its family where `next` names one. */
function nameOf(cpamp: Command, entry: CommandEntry | null, next: string | undefined): string {
  if (!entry) return cpamp.name();
  const family = cpamp.commands.find((one) => one.name() === entry.name)?.commands ?? [];
  const member = family.find((one) => one.name() === next);
  return [cpamp.name(), entry.name, ...(member ? [member.name()] : [])].join(' ');
}

/** Where a command knows no better, the help of its own is shown. */
function withHelp(error: unknown, hint: string): unknown {
  if (!(error instanceof AppError) || error.code !== 'wrong_usage') return error;
  if (error.hint !== ERRORS.wrong_usage.hint) return error;
  const detail = error.message.slice(ERRORS.wrong_usage.sentence.length + 2);
  return new AppError('wrong_usage', { detail, hint, cause: error });
}

/** What commander refused; help and the version are refusals too, with the code 0. */
function reportUsage(error: CommanderError, hint: string, json: boolean): number {
  if (error.exitCode === 0) return Exit.ok;
  // A command that is only a family of commands has printed its help.
  if (error.code === 'commander.help') return Exit.usage;
  const detail = error.message.replace(/^error: /, '').replace(/\n\((.*)\)$/, ' ($1)');
  return reportError(new AppError('wrong_usage', { detail, hint }), { verbose: false, json });
}
