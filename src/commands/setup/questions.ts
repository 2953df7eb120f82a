import type { EffectiveConfig } from '../../lib/config/effective.ts';
import type { SettingsChange } from '../../lib/config/settings-change.ts';
import { AppError } from '../../lib/errors.ts';
import { normaliseBaseUrl } from '../../lib/gateway/url.ts';
import { ask, askHidden } from '../shared/prompt.ts';
import type { SetupRun } from './run.ts';

const USUAL_URL = 'http://127.0.0.1:8317';
const OTHERWISE = 'Give --url URL and --key-file FILE.';

/** Whether somebody is there to be asked. */
export function canAsk({ options, context }: Pick<SetupRun, 'options' | 'context'>): boolean {
  const { isTty, output } = context;
  return isTty.stdin && isTty.stderr && !output.json && options.nonInteractive !== true;
}

/**
 * Asks for the address and the key where one is needed and not given. `formerUrl` is offered; `''` for none. The address
 * of the environment counts while none is saved, as it does for the daemon.
 */
export async function askForConnection(
  run: SetupRun,
  now: EffectiveConfig,
  options: SettingsChange,
  formerUrl: string,
): Promise<SettingsChange> {
  const { config, context } = run;
  const configured = now.baseUrl === '' && options.baseUrl === undefined ? config.upstreamUrl : '';
  const given = configured === '' ? options : { ...options, baseUrl: configured };
  if (!canAsk(run) || now.source === 'env') return given;
  const needsUrl = now.baseUrl === '' && given.baseUrl === undefined;
  if (needsUrl && given.monitoring === false && given.managementKey === undefined) return given;
  const baseUrl = needsUrl ? await askUrl(run, formerUrl || USUAL_URL) : given.baseUrl;
  const change = baseUrl === undefined ? given : { ...given, baseUrl };
  const keeps = now.connection !== null && (baseUrl === undefined || baseUrl === now.baseUrl);
  if (keeps || given.managementKey !== undefined) return change;
  const managementKey = await askHidden(context, {
    text: `Management key of ${baseUrl ?? now.baseUrl} (not shown):`,
    otherwise: OTHERWISE,
  });
  if (managementKey === '') throw new AppError('cancelled', { hint: OTHERWISE });
  return { ...change, managementKey };
}

async function askUrl({ context }: SetupRun, offered: string): Promise<string> {
  for (;;) {
    const text = await ask(context, { text: `Address of CLIProxyAPI [${offered}]:`, otherwise: OTHERWISE });
    try {
      return normaliseBaseUrl(text === '' ? offered : text);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      context.output.warn(error.message);
    }
  }
}
