import { Argument, Option, type Command } from 'commander';
import { AppError } from '../lib/errors.ts';
import type { CliContext } from './shared/context.ts';

const SHELLS = ['bash', 'zsh', 'fish'] as const;

interface CompletionOptions {
  readonly list?: string;
}

export function configure(command: Command, context: CliContext): void {
  command
    .addArgument(new Argument('[shell]', 'bash, zsh or fish').choices(SHELLS).argParser(String))
    // What the scripts ask while somebody types; the argument is the beginning then.
    .addOption(new Option('--list <kind>', 'names that begin so').hideHelp())
    .addHelpText(
      'after',
      `
Completes commands, options and their values, and from the database models, providers, credentials and names of client
keys. The script is of this version: make it anew after an upgrade, or let the shell ask for it at each start.

Examples:
  $ source <(cpamp completion bash)
  $ cpamp completion bash > /etc/bash_completion.d/cpamp
  $ cpamp completion zsh > "\${fpath[1]}/_cpamp"
  $ cpamp completion fish > ~/.config/fish/completions/cpamp.fish`,
    )
    .action(async (given: string | undefined, { list }: CompletionOptions) => {
      if (list !== undefined) {
        const { listNames } = await import('./completion/list.ts');
        await listNames(list, given ?? '', context);
        return;
      }
      const shell = SHELLS.find((each) => each === given);
      if (shell === undefined) {
        throw new AppError('wrong_usage', {
          detail: `a script is made for ${SHELLS.join(', ')}${given === undefined ? '' : `, not for ${given}`}`,
          hint: 'See: cpamp completion --help',
        });
      }
      const { completionScript } = await import('./completion/script.ts');
      await context.output.write(completionScript(shell, await context.tree()));
    });
}
