import type { Logger } from 'pino';
import { runningInContainer } from '../lib/config/container.ts';
import { REFUSALS, savedRows } from '../lib/config/settings-rows.ts';
import type { StartConfig } from '../lib/config/start-config.ts';
import type { Clock } from '../lib/contract/clock.ts';
import type { GatewayClient, GatewayConnection, GatewayInfo, KeyBreaker } from '../lib/contract/gateway.ts';
import type { Inbox } from '../lib/contract/inbox.ts';
import type { ContactState, Writer } from '../lib/contract/writer.ts';
import { createKeyBreaker } from '../lib/gateway/breaker.ts';
import { createGatewayClient } from '../lib/gateway/client.ts';
import { Forwarder } from '../lib/gateway/forward.ts';
import { testConnection } from '../lib/gateway/test-connection.ts';
import { ADMIN_CREDENTIAL } from '../lib/secrets/admin-key.ts';
import { keySources } from '../lib/secrets/key-sources.ts';
import { prepareKeys, type Keys } from '../lib/secrets/prepare-keys.ts';
import { spoolDir, spoolTouchedMs } from '../lib/spool.ts';
import { openExport, type ExportOptions } from '../lib/store/export.ts';
import { openDatabase } from '../lib/store/open.ts';
import { ReadStore } from '../lib/store/read-store.ts';
import { Reader } from '../lib/store/reader.ts';
import { startWriter, type Desk } from '../lib/store/writer.ts';
import { AdminAccess } from './admin-access.ts';
import { Collector } from './collector/collector.ts';
import { openInbox } from './collector/inbox/inbox.ts';
import type { SpoolDamage } from './collector/inbox/options.ts';
import { createTransport } from './collector/transports/index.ts';
import { DatabaseWatch } from './database-watch.ts';
import { Feed } from './feed/feed.ts';
import { LiveCommits } from './feed/live-commits.ts';
import { Forwarding } from './forwarding.ts';
import { GatewayCalls } from './gateway-calls.ts';
import { Jobs } from './jobs/jobs.ts';
import { PriceService } from './price-service.ts';
import type { HealthBoard } from './health-board.ts';
import { ImportService } from './imports/import-service.ts';
import type { Services } from './services.ts';
import { Sessions } from './sessions.ts';
import { SettingsService } from './settings-service.ts';
import { SettingsWatch } from './settings-watch.ts';
import { StoredAdminKey } from './stored-admin-key.ts';

/** How long the collector may take to end before the spool is closed under it. */
const STOP_MS = 8_000;
/** How long jobs and imports may take to end a step before the writer is closed under them. They go on from there. */
const ASIDE_STOP_MS = 1_000;

export interface OpenOptions {
  readonly config: StartConfig;
  readonly clock: Clock;
  readonly log: Logger;
  /** Writes lines for a person to stdout, past the log: the generated admin key, once. */
  readonly print: (text: string) => void;
  readonly board: HealthBoard;
  /** The writer ended by itself: nothing can be stored any more. */
  readonly onBroken: (error: Error) => void;
}

/** Everything that needs the database, from opening it to closing it. */
export class OpenServices implements Services {
  readonly store: ReadStore;
  readonly reader: Reader;
  readonly admin: AdminAccess;
  readonly sessions: Sessions;
  readonly settings: SettingsService;
  readonly feed: Feed;
  readonly forwarding: Forwarding;
  readonly collector: Collector | null;
  readonly inbox: Inbox | null;
  readonly hadHistory: boolean;
  readonly dataKeyReady: boolean;
  readonly #options: OpenOptions;
  readonly prices: PriceService;
  readonly imports: ImportService;
  readonly desk: Writer & Desk;
  /** The 32 bytes; null while it is locked. */
  readonly dataKey: Uint8Array | null;
  readonly #breaker: KeyBreaker;
  readonly #calls: GatewayCalls;
  readonly #watch: DatabaseWatch;
  #settingsWatch: SettingsWatch | null = null;
  readonly #closing = new AbortController();
  readonly #jobs: Jobs;
  #watching: Promise<void> | null = null;

  constructor(parts: {
    readonly options: OpenOptions;
    readonly store: ReadStore;
    readonly writer: Writer & Desk;
    readonly keys: Keys;
    readonly inbox: Inbox | null;
    /** When a process last wrote to the spool, epoch ms; 0: never. */
    readonly spoolTouchedMs: number;
  }) {
    const { options, store, writer, keys, inbox, spoolTouchedMs } = parts;
    const { config, clock, board, log } = options;
    this.#options = options;
    this.desk = writer;
    this.prices = new PriceService({ clock, store, desk: writer, mirrors: config.priceSources });
    this.imports = new ImportService({
      clock,
      dataDir: config.dataDir,
      desk: writer,
      gateway: () => this.settings.effective.connection?.baseUrl ?? '',
      limits: config.importLimits,
      log,
    });
    this.#jobs = new Jobs({ clock, store, desk: writer, log });
    this.store = store;
    this.reader = new Reader({ dbPath: config.dbPath });
    this.inbox = inbox;
    this.hadHistory = store.totals().events > 0;
    this.dataKey = keys.dataKey.kind === 'open' ? keys.dataKey.key : null;
    this.dataKeyReady = this.dataKey !== null;
    this.#breaker = createKeyBreaker(
      {
        load: () => store.setting(REFUSALS),
        save: (text) => writer.saveSettings(new Map([[REFUSALS, text]])),
      },
      clock,
    );
    this.#calls = new GatewayCalls({
      breaker: this.#breaker,
      clock,
      connection: () => this.settings.effective.connection,
    });
    const createClient = (connection: GatewayConnection): GatewayClient =>
      createGatewayClient(connection, { breaker: this.#breaker, clock });
    const inContainer = runningInContainer();
    const commits = new LiveCommits(writer);
    this.#watch = new DatabaseWatch(clock);
    this.feed = new Feed({
      clock,
      watch: this.#watch,
      store,
      commits,
      board,
      onError: (error, what) => log.error({ err: error }, `${what} failed`),
    });
    this.collector =
      inbox &&
      new Collector({
        clock,
        writer,
        commits,
        inbox,
        board,
        breaker: this.#breaker,
        createClient,
        createTransport: (name, { settings, client, gatewayId, retentionSeconds }) =>
          createTransport(name, {
            connection: settings.connection,
            settings,
            retentionSeconds,
            gatewayId,
            clock,
            breaker: this.#breaker,
            client,
            inContainer,
          }),
        position: store.position(),
        contact: (gatewayId) => lastSeen(store.contact(gatewayId), spoolTouchedMs),
        openGaps: (gatewayId) => store.openGaps(gatewayId),
        onCollecting: (transport, upstream) =>
          log.info({ event: 'collecting', transport, upstream }, 'collecting'),
        onError: (error, what) => log.error({ err: error }, `${what} failed`),
      });
    this.settings = new SettingsService({
      start: config,
      clock,
      writer,
      box: keys.dataKey.kind === 'open' ? keys.dataKey.box : null,
      lockedBy: keys.dataKey.kind === 'locked' ? keys.dataKey.error : null,
      rows: () => savedRows((key) => store.setting(key)),
      createClient,
      apply: async (next) => {
        if (this.collector) await this.collector.apply(next);
        else if (keys.dataKey.kind === 'locked')
          board.set('locked_data_key', { detail: keys.dataKey.error.message });
      },
    });
    this.forwarding = new Forwarding({
      effective: () => this.settings.effective,
      lockedBy: keys.dataKey.kind === 'locked' ? keys.dataKey.error : null,
      createForwarder: (connection) => new Forwarder(connection, { breaker: this.#breaker, clock }),
    });
    const key = new StoredAdminKey(() => store.setting(ADMIN_CREDENTIAL));
    this.sessions = new Sessions({
      clock,
      writer,
      read: (tokenHash) => store.session(tokenHash),
      credential: key,
      databaseId: store.databaseId(),
    });
    this.admin = new AdminAccess({
      clock,
      key,
      sessions: this.sessions,
      managementKey: () => this.settings.managementKey,
    });
  }

  /** Begins to store and to collect. */
  async begin(): Promise<void> {
    // Beginning may be tried again.
    this.#watching ??= this.sessions.watch(this.#closing.signal);
    this.collector?.start();
    // Before the settings are read, so that nothing falls between.
    this.#settingsWatch ??= new SettingsWatch({
      store: this.store,
      refresh: () => this.reload(),
      onError: (error) => this.#options.log.error({ err: error }, 'reading changed settings failed'),
    });
    this.imports.begin();
    this.#jobs.begin(this.#watch);
    await this.settings.reload();
    const watch = this.#settingsWatch;
    this.#closing.signal.addEventListener(
      'abort',
      this.#watch.each(() => watch.look()),
    );
  }

  /** Puts to work what a command may have saved. Throws AppError. */
  async reload(): Promise<void> {
    const changed = await this.settings.refresh();
    if (!changed) return;
    this.#options.log.info({ event: 'settings' }, 'settings were changed by a command, and count now');
    // The command proved a key that was refused before: it is not held back here either.
    if (this.store.setting(REFUSALS) === null) await this.#breaker.reset();
  }

  exportEvents(options: ExportOptions): AsyncIterable<Uint8Array> {
    return openExport(this.#options.config.dbPath, options);
  }

  readonly testConnection: Services['testConnection'] = (connection, options, signal) =>
    testConnection(connection, { ...options, breaker: this.#breaker, clock: this.#options.clock }, signal);

  gatewayInfo(): Promise<GatewayInfo | null> {
    return this.#calls.info();
  }

  clientKeys(): Promise<readonly string[]> {
    return this.#calls.clientKeys();
  }

  /** Ends in good order: the collector first, then what it writes to. */
  async close(): Promise<void> {
    const { clock, log } = this.#options;
    this.feed.close();
    this.#closing.abort();
    await this.forwarding.close();
    const aside = Promise.allSettled([this.prices.close(), this.#jobs.close(), this.imports.close()]);
    const stopped = this.collector?.stop() ?? Promise.resolve();
    // A disk that takes nothing holds the records of the last moment: closing the spool tries once more, and lets go.
    await within(STOP_MS, stopped, clock);
    try {
      await this.inbox?.close();
    } catch (error) {
      log.error({ err: error }, 'the spool could not be closed in order');
    }
    await stopped;
    await within(ASIDE_STOP_MS, aside, clock);
    await this.#watching;
    await this.reader.close();
    this.store.close();
    // Whatever still waits for a locked database is refused now. The writer's is the last connection to be closed.
    await this.desk.close();
    await aside;
  }
}

/** Waits for it, but no longer than so many milliseconds. Rejects when it does. */
async function within(ms: number, work: Promise<unknown>, clock: Clock): Promise<void> {
  const over = new AbortController();
  await Promise.race([work, clock.sleep(ms, over.signal)]).finally(() => over.abort());
}

/** A killed process was at work at least until it last wrote to the spool, also when the database was locked then. */
function lastSeen(contact: ContactState, spoolTouchedMs: number): ContactState {
  if (contact.aliveMs === null || contact.cleanStopMs !== null) return contact;
  return { ...contact, aliveMs: Math.max(contact.aliveMs, spoolTouchedMs) };
}

/** Opens the database and makes what stands on it. Throws AppError; `database_locked` may be tried again. */
export async function openServices(options: OpenOptions): Promise<OpenServices> {
  const { config, clock, log, board } = options;
  openDatabase(config.dbPath, { mode: 'write' }).close();
  const keys = await readKeys(options);
  const writer = await startWriter({
    dbPath: config.dbPath,
    dataKey: keys.dataKey.kind === 'open' ? keys.dataKey.key : null,
    onState: ({ state }) => board.toggle('database_locked', state === 'locked'),
    onExit: options.onBroken,
  });
  try {
    if (keys.rows.size > 0) await writer.saveSettings(keys.rows);
    announce(options, keys);
    const store = new ReadStore(config.dbPath);
    const touchedMs = spoolTouchedMs(config.dbPath);
    const known = Promise.withResolvers<OpenServices>();
    const onDamage = async (damage: SpoolDamage): Promise<void> => {
      log.error({ segment: damage.segment, kind: damage.kind, bytes: damage.bytes }, damage.detail);
      const services = await known.promise;
      await services.collector?.spoolDamaged(damage);
    };
    const inbox =
      keys.dataKey.kind === 'open'
        ? await openInbox({
            dir: spoolDir(config.dbPath),
            box: keys.dataKey.box,
            clock,
            after: store.position(),
            onDamage,
          })
        : null;
    const services = new OpenServices({ options, store, writer, keys, inbox, spoolTouchedMs: touchedMs });
    known.resolve(services);
    return services;
  } catch (error) {
    await writer.close();
    throw error;
  }
}

async function readKeys({ config, clock }: OpenOptions): Promise<Keys> {
  const store = new ReadStore(config.dbPath);
  try {
    return await prepareKeys(keySources(config, store, clock.now()));
  } finally {
    store.close();
  }
}

function announce({ config, log, print, board }: OpenOptions, keys: Keys): void {
  if (keys.generatedAdminKey !== null) {
    print(
      `cpamp admin key: ${keys.generatedAdminKey}\n` +
        'Log in with it at /management.html. It is shown only this once, and kept nowhere: note it down.\n',
    );
  }
  if (keys.adminKeyReplaced)
    log.warn(`the admin key was replaced by the one of ${config.adminKey?.from ?? ''}`);
  board.toggle('weak_admin_key', keys.weakAdminKey);
}
