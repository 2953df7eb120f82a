import { readFile } from 'node:fs/promises';
import { AppError } from '../../lib/errors.ts';
import { whyNot } from '../../lib/files.ts';
import type { CliContext } from './context.ts';
import { askHidden } from './prompt.ts';

export interface SecretOptions {
  /** The flag that names the file, such as `--key-file`. */
  readonly flag: string;
  /** Its value: a path, or `-` for stdin. */
  readonly file: string | undefined;
  /** What the environment or a mounted secret gives; the flag counts more. */
  readonly configured?: { readonly value: string } | null;
  /** What to ask on a terminal. */
  readonly question: string;
}

/** The most that a file or stdin may hold: keys are short, and a wrong file should not fill the memory. */
const MAX_BYTES = 64 * 1024;

/**
 * A key, from where no list of processes and no history of a shell shows it: a file, stdin, the environment, or typed
 * unseen. Trimmed, never `''`. Rejects with `secret_file_unreadable`, and with `wrong_usage` where it could only ask and
 * there is no terminal.
 */
export async function readSecret(context: CliContext, options: SecretOptions): Promise<string> {
  const { flag, file, configured, question } = options;
  if (file !== undefined) return fromFile(context, flag, file);
  if (configured) return configured.value;
  const otherwise = `Give it with ${flag} FILE, or with ${flag} - on standard input.`;
  const typed = await askHidden(context, { text: question, otherwise });
  if (typed === '') throw new AppError('cancelled', { hint: otherwise });
  return typed;
}

async function fromFile(context: CliContext, flag: string, file: string): Promise<string> {
  const refuse = (why: string, cause?: unknown): AppError =>
    new AppError('secret_file_unreadable', {
      detail: `${file === '-' ? 'standard input' : `${flag} ${file}`}: ${why}`,
      ...(cause === undefined ? {} : { cause }),
    });
  let text: string;
  try {
    text = file === '-' ? await fromStdin(context) : await readFile(file, 'utf8');
  } catch (error) {
    if (context.signal.aborted) throw error;
    throw refuse(whyNot(error), error);
  }
  const secret = text.trim();
  if (secret === '') throw refuse('it is empty');
  if (text.length > MAX_BYTES || /[\r\n\0]/.test(secret)) throw refuse('it holds more than one line');
  return secret;
}

async function fromStdin({ stdin, signal }: CliContext): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stdin.iterator({ destroyOnReturn: false })) {
    signal.throwIfAborted();
    const bytes = Buffer.from(chunk);
    chunks.push(bytes);
    size += bytes.length;
    if (size > MAX_BYTES) break;
  }
  return Buffer.concat(chunks).toString('utf8');
}
