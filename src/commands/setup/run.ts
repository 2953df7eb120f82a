import { mergeSettings, readSaved, type EffectiveConfig } from '../../lib/config/effective.ts';
import {
  applyChange,
  rowsOfChange,
  type ChangedSettings,
  type SettingsChange,
} from '../../lib/config/settings-change.ts';
import { savedRows } from '../../lib/config/settings-rows.ts';
import type { StartConfig } from '../../lib/config/start-config.ts';
import { askDaemon } from '../../lib/control.ts';
import { AppError } from '../../lib/errors.ts';
import { ADMIN_CREDENTIAL } from '../../lib/secrets/admin-key.ts';
import { keySources } from '../../lib/secrets/key-sources.ts';
import { prepareKeys, type Keys } from '../../lib/secrets/prepare-keys.ts';
import { adminKeyRow } from '../../lib/secrets/replace-admin-key.ts';
import { makePlace } from '../../lib/setup/place.ts';
import { databaseState, SettingsStore } from '../../lib/store/settings-store.ts';
import type { CliContext } from '../shared/context.ts';
import { locate } from '../shared/locate.ts';
import type { SetupOptions } from '../setup.ts';
import { prove } from './prove.ts';
import { replaceDataKey } from './replace-data-key.ts';
import { askForConnection } from './questions.ts';
import { givenChange, readAdminKey, refuseManaged } from './given.ts';
import { printConfig, printDone } from './results.ts';

/** What one run of the command works on. */
export interface SetupRun {
  readonly options: SetupOptions;
  readonly context: CliContext;
  readonly config: StartConfig;
  readonly store: SettingsStore;
}

export async function runSetup(options: SetupOptions, context: CliContext): Promise<void> {
  const config = locate(context);
  refuseManaged(options, config);
  if (options.printConfig) {
    await printConfig(options, context, config, () => readPresent(config));
    return;
  }
  const adminKey = await readAdminKey(options, context, config);
  const change = await givenChange(options, context, config);
  await makePlace(config, 'setup', context.clock.now());
  const store = new SettingsStore(config.dbPath);
  try {
    await setUp({ options, context, config, store }, change, adminKey);
  } finally {
    store.close();
  }
}

async function setUp(run: SetupRun, given: SettingsChange, adminKey: string | null): Promise<void> {
  const { options, context, config, store } = run;
  const { clock, output } = context;
  const before = effective(config, store, null);
  const renewed = options.newDataKey ? await replaceDataKey(run) : null;
  const keys = await prepareKeys(keySources(config, store, clock.now()));
  if (keys.dataKey.kind === 'locked') throw keys.dataKey.error;
  const { box } = keys.dataKey;
  const now = effective(config, store, keys);
  const change = await askForConnection(run, now, given, before.baseUrl);
  const wanted = after(now, change, renewed !== null);
  const findings = await prove(run, now, wanted);
  const rows: Map<string, string> =
    wanted === null ? new Map() : rowsOfChange(now, change, wanted, { box, clock });
  for (const [key, value] of keys.rows) rows.set(key, value);
  let generated = keys.generatedAdminKey;
  if (adminKey !== null) {
    rows.set(...adminKeyRow(adminKey, 'cli', store.setting(ADMIN_CREDENTIAL), clock.now()));
    generated = null;
  }
  context.signal.throwIfAborted();
  if (rows.size > 0) store.save(rows, clock.now());
  const daemon = await reload(config, context);
  await printDone({ context, config, after: wanted ?? now, generated, daemon, renewed, findings });
  if (daemon === 'none') output.note('Start the daemon with: cpamp serve');
}

/** What counts after the change; null where nothing about the connection and the collector was asked for. */
function after(now: EffectiveConfig, change: SettingsChange, renewed: boolean): ChangedSettings | null {
  const asked = Object.keys(change).length > 0;
  if (!asked && (now.connection !== null || renewed || now.source === 'env')) return null;
  try {
    return applyChange(now, change);
  } catch (error) {
    if (!(error instanceof AppError) || !error.code.startsWith('cpa_connection_required')) throw error;
    throw new AppError(error.code, {
      hint: 'Give the address with --url and its management key with --key-file FILE; or --no-monitoring to collect nothing.',
      cause: error,
    });
  }
}

function effective(config: StartConfig, store: SettingsStore, keys: Keys | null): EffectiveConfig {
  const box = keys?.dataKey.kind === 'open' ? keys.dataKey.box : null;
  return mergeSettings(config, readSaved(savedRows((key) => store.setting(key))), box);
}

/** What counts now, of a place that may not exist yet. */
function readPresent(config: StartConfig): EffectiveConfig {
  if (databaseState(config.dbPath) === 'missing') return mergeSettings(config, readSaved(new Map()), null);
  const store = new SettingsStore(config.dbPath);
  try {
    return effective(config, store, null);
  } finally {
    store.close();
  }
}

/** Has a running daemon put it to work. Where that fails it notices by itself within two seconds. */
async function reload(config: StartConfig, context: CliContext): Promise<'reloaded' | 'silent' | 'none'> {
  try {
    const answer = await askDaemon(config.dbPath, 'reload', context.signal);
    if (answer === null) return 'none';
    return answer.ok ? 'reloaded' : 'silent';
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return 'silent';
  }
}
