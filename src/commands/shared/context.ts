import { isatty, type ReadStream } from 'node:tty';
import type { Command } from 'commander';
import { systemClock } from '../../lib/clock.ts';
import type { Clock } from '../../lib/contract/clock.ts';
import { systemCode } from '../../lib/files.ts';
import { createOutput, type Output } from './output.ts';

/** The options of every command, before or behind its name. */
export interface GlobalOptions {
  readonly dataDir?: string;
  readonly db?: string;
  /** The older name of `db`. */
  readonly dbPath?: string;
  readonly json: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
  readonly color: boolean;
}

/** Why a command has to stop before its work is done. */
export interface Ending {
  readonly cause: 'SIGINT' | 'SIGTERM' | 'pipe';
  /** 130, 143, and 0 for a reader that has read enough. */
  readonly exitCode: number;
}

/** What a command knows of the process that it runs in. */
export interface CliContext {
  /** As the process was started. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Absolute. */
  readonly cwd: string;
  readonly stdin: ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  readonly isTty: { readonly stdin: boolean; readonly stdout: boolean; readonly stderr: boolean };
  /** Known once the command line was read: use it within an action. */
  readonly options: GlobalOptions;
  /** The same. */
  readonly output: Output;
  /**
   * Aborts on SIGINT and SIGTERM, and when nobody reads stdout any more. A command then stops taking work, leaves no
   * half file and ends; rejecting with the signal's reason is fine, and nothing is printed for it.
   */
  readonly signal: AbortSignal;
  readonly clock: Clock;
  /** Ends with this code although nothing was thrown. */
  exitWith(code: number): void;
  /** All commands with all of their options. */
  tree(): Promise<Command>;
  /** What ended the command before its time; `null` while nothing did. */
  readonly endedBy: Ending | null;
  readonly exitCode: number;
  close(): void;
}

export interface ContextOptions {
  readonly options: () => GlobalOptions;
  readonly ownSignals: boolean;
  readonly tree: () => Promise<Command>;
}

/** How long a command may take to end after a signal. A second signal ends it at once. */
const GRACE_MS = 10_000;
const SIGNALS = [
  { cause: 'SIGINT', exitCode: 130 },
  { cause: 'SIGTERM', exitCode: 143 },
] as const;

/** The context of the one command that this process runs. */
export function openContext({ options, ownSignals, tree }: ContextOptions): CliContext {
  const { stdout, stderr } = process;
  const abort = new AbortController();
  let endedBy: Ending | null = null;
  let exitCode = 0;
  let output: Output | null = null;
  let patience: NodeJS.Timeout | null = null;

  const end = (ending: Ending): void => {
    // What cannot be stopped is stopped by the system: nothing that was committed is lost.
    if (endedBy && ending.cause !== 'pipe') process.exit(ending.exitCode);
    if (endedBy) return;
    endedBy = ending;
    patience = setTimeout(() => process.exit(ending.exitCode), GRACE_MS);
    abort.abort(new DOMException(`ended by ${ending.cause}`, 'AbortError'));
  };
  const onSignal = SIGNALS.map((ending) => [ending.cause, () => end(ending)] as const);
  if (!ownSignals) {
    for (const [name, listener] of onSignal) process.on(name, listener);
    stdout.on('error', (error) => {
      if (systemCode(error) === 'EPIPE') end({ cause: 'pipe', exitCode: 0 });
    });
  }

  return {
    argv: process.argv,
    env: process.env,
    cwd: process.cwd(),
    // Touched only by who reads it: from then on it can keep the process alive.
    get stdin() {
      return process.stdin;
    },
    stdout,
    stderr,
    isTty: { stdin: isatty(0), stdout: isatty(1), stderr: isatty(2) },
    clock: systemClock,
    signal: abort.signal,
    tree,
    get options() {
      return options();
    },
    get output() {
      output ??= createOutput({ stdout, stderr, env: process.env, ...options() });
      return output;
    },
    get endedBy() {
      return endedBy;
    },
    get exitCode() {
      return endedBy?.exitCode ?? exitCode;
    },
    exitWith: (code) => {
      exitCode = code;
    },
    close: () => {
      if (patience) clearTimeout(patience);
      for (const [name, listener] of onSignal) process.off(name, listener);
    },
  };
}
