import type { SettingsChange } from '../../lib/config/settings-change.ts';
import type { StartConfig } from '../../lib/config/start-config.ts';
import { AppError } from '../../lib/errors.ts';
import { normaliseBaseUrl } from '../../lib/gateway/url.ts';
import { refuseConfiguredAdminKey, refuseWeakAdminKey } from '../../lib/secrets/replace-admin-key.ts';
import type { CliContext } from '../shared/context.ts';
import { readSecret } from '../shared/secret-input.ts';
import type { SetupOptions } from '../setup.ts';

/** Where URL and key come from the environment of the daemon, nothing that goes with them can be saved. */
export function refuseManaged(options: SetupOptions, config: StartConfig): void {
  if (options.adminKeyFile !== undefined) refuseConfiguredAdminKey(config);
  const { url, keyFile, mode, interval, tlsSkipVerify } = options;
  if (!config.envManaged || options.printConfig) return;
  if ([url, keyFile, mode, interval, tlsSkipVerify].some((value) => value !== undefined)) {
    throw new AppError('setup_env_managed');
  }
}

export async function readAdminKey(
  { adminKeyFile: file, keyFile }: SetupOptions,
  context: CliContext,
  config: StartConfig,
): Promise<string | null> {
  if (file === undefined) return null;
  if (file === '-' && keyFile === '-') {
    throw new AppError('wrong_usage', {
      detail: 'standard input can hold one key only',
      hint: 'Give one of --key-file and --admin-key-file a file.',
    });
  }
  const key = await readSecret(context, { flag: '--admin-key-file', file, question: '' });
  refuseWeakAdminKey(key);
  refuseConfiguredAdminKey(config);
  return key;
}

/** What the options and the environment say; nothing is asked for it. */
export async function givenChange(
  options: SetupOptions,
  context: CliContext,
  config: StartConfig,
): Promise<SettingsChange> {
  const { keyFile: file, monitoring } = options;
  const settings = collectorChange(options);
  const { url } = options;
  const key =
    file === undefined
      ? (config.envManaged ? null : config.managementKey)?.value
      : await readSecret(context, { flag: '--key-file', file, question: '' });
  return {
    ...(url === undefined ? {} : { baseUrl: normaliseBaseUrl(url) }),
    ...(key === undefined ? {} : { managementKey: key }),
    ...(monitoring === undefined ? {} : { monitoring }),
    ...(Object.keys(settings).length === 0 ? {} : { collector: settings }),
  };
}

export function collectorChange({
  mode,
  interval,
  tlsSkipVerify,
}: SetupOptions): NonNullable<SettingsChange['collector']> {
  return {
    ...(mode === undefined ? {} : { mode }),
    ...(interval === undefined ? {} : { pollIntervalMs: interval }),
    ...(tlsSkipVerify === undefined ? {} : { tlsSkipVerify }),
  };
}
