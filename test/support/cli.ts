import { spawn, spawnSync, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import { COMPILE_CACHE } from './compile-cache.ts';

const PROGRAM = new URL('../../bin/cpamp.ts', import.meta.url).pathname;

export interface CliOptions {
  /** Added to an environment that holds nothing but PATH and TMPDIR. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** What stdin holds; without it stdin is empty. */
  readonly input?: string | Uint8Array;
  /** Of the terminal; 100. */
  readonly columns?: number;
}

export interface CliResult {
  /** `null` when a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command that runs: its output so far, and its end. */
export class CliProcess {
  readonly child: ChildProcessWithoutNullStreams;
  stdout = '';
  stderr = '';
  #listeners: Array<() => void> = [];
  readonly #closed: Promise<unknown>;

  constructor(t: TestContext, file: string, args: readonly string[], options: CliOptions) {
    this.child = spawn(file, args, {
      stdio: 'pipe',
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      env: {
        PATH: process.env['PATH'] ?? '',
        ...COMPILE_CACHE,
        ...(process.env['TMPDIR'] ? { TMPDIR: process.env['TMPDIR'] } : {}),
        ...options.env,
      },
    });
    t.after(() => this.child.kill('SIGKILL'));
    // A command that ends without reading its input is no fault of the test's.
    this.child.stdin.on('error', () => {});
    this.child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
      this.#wake();
    });
    this.child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
      this.#wake();
    });
    this.#closed = once(this.child, 'close').then(() => this.#wake());
  }

  /** Resolves when what was printed is as wanted; rejects with the output when the command ends before. */
  async until(condition: (seen: CliProcess) => boolean): Promise<void> {
    while (!condition(this)) {
      if (this.child.exitCode !== null || this.child.signalCode !== null) {
        await this.#closed;
        if (condition(this)) return;
        throw new Error(`the command ended early:\n${this.stdout}${this.stderr}`);
      }
      await new Promise<void>((resolve) => this.#listeners.push(resolve));
    }
  }

  async end(): Promise<CliResult> {
    await this.#closed;
    return {
      code: this.child.exitCode,
      signal: this.child.signalCode,
      stdout: this.stdout,
      stderr: this.stderr,
    };
  }

  #wake(): void {
    for (const listener of this.#listeners.splice(0)) listener();
  }
}

/** Starts `cpamp` with pipes for all three streams. Stdin stays open: write to `child.stdin`, or end it. */
export function startCli(t: TestContext, args: readonly string[], options: CliOptions = {}): CliProcess {
  return new CliProcess(t, process.execPath, [PROGRAM, ...args], options);
}

/** Runs `cpamp` to its end. */
export function runCli(
  t: TestContext,
  args: readonly string[],
  options: CliOptions = {},
): Promise<CliResult> {
  const run = startCli(t, args, options);
  run.child.stdin.end(options.input ?? '');
  return run.end();
}

/** `false`, or why no terminal can be had: pass it to `skip`. It takes the script(1) of util-linux. */
export const NO_PTY: string | false = spawnSync('script', ['--version'], {
  encoding: 'utf8',
}).stdout?.includes('util-linux')
  ? false
  : 'script(1) of util-linux is not installed';

/**
 * Starts `cpamp` on a terminal of its own; `child.stdin` are its keys. Its stdout and stderr both arrive in `stdout`, with
 * `\r\n`. An answer is not typed before its question was printed: `until` it.
 */
export function startOnTerminal(
  t: TestContext,
  args: readonly string[],
  options: CliOptions = {},
): CliProcess {
  const command = [process.execPath, PROGRAM, ...args].map(quote).join(' ');
  return new CliProcess(
    t,
    'script',
    ['-qefc', `stty cols ${options.columns ?? 100} rows 40; exec ${command}`, '/dev/null'],
    {
      ...options,
      env: { TERM: 'xterm-256color', SHELL: '/bin/sh', ...options.env },
    },
  );
}

function quote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
