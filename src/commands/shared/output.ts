import { Chalk, supportsColor, supportsColorStderr, type ChalkInstance } from 'chalk';
import { inertLines } from './inert.ts';

/** Where a command's words go: results to stdout, talk to stderr. */
export interface Output {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
  /** Colours for stdout and stderr, each without any where its stream or the person wants none. */
  readonly paint: ChalkInstance;
  readonly paintTalk: ChalkInstance;
  /**
   * Writes data to stdout as it is, and waits while the reader is slow. Rejects when the reader is gone; the command is
   * being ended then.
   */
  write(chunk: string | Uint8Array): Promise<void>;
  /** The one result of a command: `value` as one line of JSON with `--json`, else what `text` makes of it. */
  result(value: unknown, text: () => string | Promise<string>): Promise<void>;
  /** A line of JSON, for streams of values. */
  line(value: unknown): Promise<void>;
  /** A line of talk; not with `--quiet`. */
  note(text: string): void;
  /** A line that has to be seen, with `--quiet` too. */
  warn(text: string): void;
  /** A line of talk for `--verbose`. */
  detail(text: string): void;
}

export interface OutputOptions {
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly json: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
  readonly color: boolean;
}

export function createOutput(options: OutputOptions): Output {
  const { stdout, stderr, env, json, quiet, verbose } = options;
  const plain = !options.color || (env['NO_COLOR'] ?? '') !== '';
  const paintOf = (support: typeof supportsColor): ChalkInstance =>
    new Chalk({ level: plain || !support ? 0 : support.level });
  const paintTalk = paintOf(supportsColorStderr);
  const talk = (text: string): void => {
    stderr.write(`${inertLines(text)}\n`);
  };
  const write = (chunk: string | Uint8Array): Promise<void> =>
    new Promise((resolve, reject) => {
      stdout.write(chunk, (error) => {
        if (error) reject(error);
        else resolve();
      });
    });
  const line = (value: unknown): Promise<void> => write(`${jsonLine(value)}\n`);
  return {
    json,
    quiet,
    verbose,
    paint: paintOf(supportsColor),
    paintTalk,
    write,
    line,
    result: async (value, text) => {
      if (json) await line(value);
      else await write(withEnd(inertLines(await text())));
    },
    note: (text) => {
      if (!quiet) talk(text);
    },
    warn: (text) => talk(paintTalk.yellow(text)),
    detail: (text) => {
      if (verbose) talk(paintTalk.gray(text));
    },
  };
}

/** What JSON may hold as it is and a terminal obeys all the same. */
const UNRULY = /[\u007F-\u009F\u061C\u200E\u200F\u2028-\u202E\u2066-\u2069]/g;

/** The same value to every reader, and nothing in it that moves a cursor or turns the reading direction. */
function jsonLine(value: unknown): string {
  return JSON.stringify(value).replaceAll(
    UNRULY,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function withEnd(text: string): string {
  return text === '' || text.endsWith('\n') ? text : `${text}\n`;
}
