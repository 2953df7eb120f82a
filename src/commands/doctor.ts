import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import { examine } from '../lib/doctor/examine.ts';
import type { CheckResult, CheckState } from '../lib/doctor/result.ts';
import { AppError, Exit } from '../lib/errors.ts';
import { normaliseBaseUrl } from '../lib/gateway/url.ts';
import { VERSION } from '../lib/version.ts';
import type { CliContext } from './shared/context.ts';
import { counted } from './shared/format.ts';
import { locate } from './shared/locate.ts';
import { startProgress, type Progress } from './shared/progress.ts';
import { readSecret } from './shared/secret-input.ts';
import { oneLine } from './shared/tables.ts';

interface DoctorOptions {
  readonly url?: string;
  readonly adminKeyFile?: string;
  readonly full?: true;
  readonly tryKeyAgain?: true;
}

export function configure(command: Command, context: CliContext): void {
  command
    .option('--url <url>', 'where browsers reach the panel: look at the way through the proxy too', publicUrl)
    .option('--admin-key-file <file>', 'the admin key from a file, or with - from stdin: try a stream there')
    .option('--full', 'go through all of the database, indexes too, however long it takes')
    .option('--try-key-again', 'try the management key although CLIProxyAPI refused it before')
    .addHelpText(
      'after',
      `
Checks in their order what collecting needs, and says what to do about each that fails. No check changes anything:
no record is taken from CLIProxyAPI, and a management key that it refuses is sent once and not again.

Examples:
  $ cpamp doctor
  $ docker compose exec cpamp cpamp doctor
  $ cpamp doctor --url https://cpa.example.org --admin-key-file /run/secrets/cpa_admin_key
  $ cpamp doctor --quiet || mail -s "cpamp is not well" admin@example.com < /dev/null
  $ cpamp doctor --json | jq -r '.checks[] | select(.state == "fail") | .fix'

Exit codes: 0 nothing failed (there may be warnings), 1 a check failed.`,
    )
    .action((options: DoctorOptions) => doctor(options, context));
}

/** The address of the panel without what people copy along with it. */
function publicUrl(text: string): string {
  try {
    const url = normaliseBaseUrl(text, 'invalid_request', 'the address');
    if (url !== '') return url;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
  }
  throw new InvalidArgumentError('Give an address such as https://cpa.example.org, without a user name.');
}

async function doctor(options: DoctorOptions, context: CliContext): Promise<void> {
  const { clock, env, output, signal } = context;
  const config = locate(context);
  const { adminKeyFile: file, url = null } = options;
  const adminKey =
    file === undefined
      ? (config.adminKey?.value ?? null)
      : await readSecret(context, { flag: '--admin-key-file', file, question: 'Admin key' });
  let progress: Progress | null = null;
  const hide = (): void => {
    progress?.done();
    progress = null;
  };
  const results = await examine({
    config,
    clock,
    signal,
    zone: env['TZ'] ?? '',
    full: options.full ?? false,
    tryKeyAgain: options.tryKeyAgain ?? false,
    url,
    adminKey,
    onBegin: async (title) => {
      progress = await startProgress(context, title);
    },
    onResult: async (result) => {
      hide();
      if (!output.json) await print(result, context);
    },
  }).finally(hide);
  const counts = countStates(results);
  if (counts.fail > 0) context.exitWith(Exit.failure);
  if (output.json) {
    await output.line({
      ok: counts.fail === 0,
      version: VERSION,
      dbPath: config.dbPath,
      url,
      counts,
      checks: results,
    });
  } else if (!output.quiet) await output.write(`\n${summary(counts, context)}\n`);
}

type Counts = Readonly<Record<CheckState, number>>;

function countStates(results: readonly CheckResult[]): Counts {
  const of = (wanted: CheckState): number => results.filter(({ state }) => state === wanted).length;
  return { ok: of('ok'), warn: of('warn'), fail: of('fail'), skipped: of('skipped') };
}

const SIGNS = { ok: '✔', warn: '!', fail: '✖', skipped: '-' } as const;
/** As wide as the longest of them. */
const WORDS = { ok: 'ok  ', warn: 'warn', fail: 'FAIL', skipped: 'skip' } as const;

/** One line for what was found, and one for what to do. Signs on a terminal, words in a pipe. */
async function print(result: CheckResult, { isTty, output }: CliContext): Promise<void> {
  const { state, title, message, fix } = result;
  if (output.quiet && (state === 'ok' || state === 'skipped')) return;
  const { paint } = output;
  const colours = { ok: paint.green, warn: paint.yellow, fail: paint.red, skipped: paint.gray };
  const sign = colours[state](isTty.stdout ? SIGNS[state] : WORDS[state]);
  const text = state === 'skipped' ? paint.gray(oneLine(message)) : oneLine(message);
  const indent = ' '.repeat((isTty.stdout ? 1 : WORDS.ok.length) + 1);
  const help = fix === undefined ? '' : `${indent}${paint.gray('→')} ${oneLine(fix)}\n`;
  await output.write(
    `${sign} ${paint.bold(title)}: ${text}\n${isTty.stdout ? help : help.replace('→', 'fix:')}`,
  );
}

function summary({ ok, warn, fail, skipped }: Counts, { output: { paint } }: CliContext): string {
  const rest = [
    ...(warn > 0 ? [counted(warn, 'warning')] : []),
    ...(ok > 0 ? [`${ok} well`] : []),
    ...(skipped > 0 ? [`${skipped} skipped`] : []),
  ].join(', ');
  if (fail > 0)
    return `${paint.red(`${counted(fail, 'check')} failed`)}${rest === '' ? '' : `, ${rest}`}. Begin with the first.`;
  return warn > 0 ? `Nothing failed: ${rest}.` : `${paint.green('All is well')}: ${rest}.`;
}
