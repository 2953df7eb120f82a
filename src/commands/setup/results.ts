import type { EffectiveConfig } from '../../lib/config/effective.ts';
import type { ChangedSettings } from '../../lib/config/settings-change.ts';
import type { StartConfig } from '../../lib/config/start-config.ts';
import type { HealthReason } from '../../lib/contract/health.ts';
import { normaliseBaseUrl } from '../../lib/gateway/url.ts';
import type { NewDataKey } from '../../lib/setup/new-data-key.ts';
import type { CliContext } from '../shared/context.ts';
import { formatFacts } from '../shared/tables.ts';
import type { SetupOptions } from '../setup.ts';
import { collectorChange } from './given.ts';

/** Prints what would count after the options, without the keys, and touches nothing. */
export async function printConfig(
  options: SetupOptions,
  { output }: CliContext,
  config: StartConfig,
  present: () => EffectiveConfig,
): Promise<void> {
  const now = present();
  const collector = { ...now.collector, ...collectorChange(options) };
  const url = options.url ?? (now.baseUrl || config.upstreamUrl);
  const keyGiven = options.keyFile !== undefined || config.managementKey !== null;
  const value = {
    dataDir: config.dataDir,
    dbPath: config.dbPath,
    dataKeyPath: config.dataKeyPath,
    configFile: config.configFile,
    url: normaliseBaseUrl(url),
    managementKey: keyGiven || now.managementKey !== 'none' ? ('set' as const) : ('none' as const),
    source: now.source,
    monitoring: options.monitoring ?? now.monitoring,
    mode: collector.mode,
    intervalMs: collector.pollIntervalMs,
    batchSize: collector.batchSize,
    tlsSkipVerify: collector.tlsSkipVerify,
  };
  await output.result(value, () =>
    formatFacts(Object.entries(value).map(([name, one]) => [name, text(one)])),
  );
}

function text(value: string | number | boolean | null): string {
  return value === null || value === '' ? '-' : String(value);
}

export interface Done {
  readonly context: CliContext;
  readonly config: StartConfig;
  readonly after: Pick<ChangedSettings, 'connection' | 'monitoring' | 'collector'>;
  /** A new admin key: it is shown here and nowhere else. */
  readonly generated: string | null;
  readonly daemon: 'reloaded' | 'silent' | 'none';
  readonly renewed: NewDataKey | null;
  readonly findings: readonly HealthReason[];
}

export async function printDone(done: Done): Promise<void> {
  const { context, config, after, generated, daemon, renewed, findings } = done;
  const { output } = context;
  const { connection, monitoring, collector } = after;
  const value = {
    dataDir: config.dataDir,
    dbPath: config.dbPath,
    url: connection?.baseUrl ?? '',
    monitoring,
    mode: collector.mode,
    intervalMs: collector.pollIntervalMs,
    adminKey: generated,
    daemon,
    findings: findings.map(({ code }) => code),
    newDataKey: renewed,
  };
  await output.result(value, () =>
    formatFacts([
      ['Database', config.dbPath],
      ['CLIProxyAPI', connection?.baseUrl ?? 'not connected'],
      ['Monitoring', monitoring ? `on, mode ${collector.mode}` : 'off'],
      ['Admin key', generated ?? undefined],
    ]),
  );
  if (generated !== null) {
    output.note('The admin key is shown only this once, and kept nowhere: note it down.');
  }
  if (renewed) tellRenewed(renewed, (line) => output.note(line));
  if (daemon === 'reloaded') output.note('The running daemon works with it now.');
  if (daemon === 'silent') output.note('The running daemon notices it within two seconds.');
}

function tellRenewed(
  { formerKey, formerSpool, deadLetters }: NewDataKey,
  note: (text: string) => void,
): void {
  note('There is a new data key. Back it up together with the database.');
  if (formerKey !== null) note(`The former one lies in ${formerKey}.`);
  if (formerSpool !== null) note(`Records that only it opens lie in ${formerSpool}.`);
  if (deadLetters > 0) note(`Dead letters that cannot be tried again: ${deadLetters}.`);
}
