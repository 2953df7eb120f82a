import { Writable } from 'node:stream';
import { chalkStderr as chalk } from 'chalk';
import { pino, type Logger } from 'pino';

export type LogFormat = 'auto' | 'json' | 'pretty';

export interface LogOptions {
  readonly format: LogFormat;
  readonly verbose: boolean;
  /** Warnings and errors only. */
  readonly quiet?: boolean;
}

/** Names under which a secret could slip into a log line. Nobody is meant to log them; this is the net below. */
const SECRET_PATHS = [
  'authorization',
  '*.authorization',
  'managementKey',
  '*.managementKey',
  'apiKey',
  '*.apiKey',
];

/** What a line says of a request. Without its query, in which the management API takes client keys and codes of logins. */
export const REQUEST_SERIALIZERS = {
  req: ({ method, url, host, ip }: Readonly<Record<'method' | 'url' | 'host' | 'ip', string>>) => ({
    method,
    path: url.replace(/\?.*$/s, ''),
    host,
    remoteAddress: ip,
  }),
};

/** The daemon's log, on stderr: JSON lines, or short lines for a person at a terminal. */
export function createLog(options: LogOptions): Logger {
  const pretty = options.format === 'pretty' || (options.format === 'auto' && process.stderr.isTTY);
  const settings = {
    level: options.verbose ? 'debug' : options.quiet ? 'warn' : 'info',
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: { paths: SECRET_PATHS, censor: '[redacted]' },
  };
  return pretty ? pino(settings, prettyStream()) : pino(settings, pino.destination({ dest: 2, sync: true }));
}

const LEVELS: Readonly<Record<number, string>> = {
  20: chalk.gray('debug'),
  30: chalk.green('info '),
  40: chalk.yellow('warn '),
  50: chalk.red('error'),
  60: chalk.red.bold('fatal'),
};

/** `12:00:01 info  message  key=value`: what a person reads while it scrolls by. */
function prettyStream(): Writable {
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      process.stderr.write(`${prettyLine(chunk.toString())}\n`, () => done());
    },
  });
}

function prettyLine(json: string): string {
  const entry: unknown = JSON.parse(json);
  if (!isRecord(entry)) return json;
  const { level, time, msg, err, ...rest } = entry;
  const clock = typeof time === 'string' ? time.slice(11, 19) : '';
  const facts = Object.entries(rest)
    .filter(([key]) => key !== 'event')
    .map(([key, value]) => chalk.gray(`${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`));
  const stack = isError(err) ? `\n${err.stack ?? err.message}` : '';
  return [clock, LEVELS[Number(level)] ?? '', typeof msg === 'string' ? msg : '', ...facts].join(' ') + stack;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function isError(value: unknown): value is { message: string; stack?: string } {
  return typeof value === 'object' && value !== null && 'message' in value;
}
