import { dirname } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { prepareDataDir } from '../lib/config/data-dir.ts';
import { insideContainerLayer } from '../lib/config/container.ts';
import type { HealthReason } from '../lib/contract/health.ts';
import { AppError } from '../lib/errors.ts';
import { acquireLock, serveLockPath, type Lock } from '../lib/lock.ts';
import { mustBeMovable } from '../lib/migrate/aside.ts';
import { realDatabasePath } from '../lib/migrate/paths.ts';
import { startState, type StartState } from '../lib/migrate/start-state.ts';
import { VERSION } from '../lib/version.ts';
import { createApp } from './app.ts';
import { listenForCommands, type ControlSocket } from './control-socket.ts';
import { HealthBoard } from './health-board.ts';
import { openServices, type OpenOptions, type OpenServices } from './open-services.ts';
import { REQUEST_SERIALIZERS } from './log.ts';
import { RuntimeFigures } from './runtime-figures.ts';
import type { DaemonContext } from './services.ts';
import { statusBody } from './status-body.ts';
import { unlessReturned } from './takeover/make-way.ts';
import { TakeoverBoard } from './takeover/takeover-board.ts';
import { Takeover } from './takeover/takeover.ts';

/** How long a start waits before it looks again at a database that somebody else has locked. */
const OPEN_AGAIN_MS = 500;

export type DaemonOptions = Pick<OpenOptions, 'config' | 'clock' | 'log' | 'print'>;

export interface Daemon {
  /** Where it listens, as a URL. */
  readonly url: string;
  /** Resolves when the database is open and collection has begun, or rejects with what is in the way for good. */
  readonly opened: Promise<void>;
  /** Rejects when something broke that cannot be mended while running; never resolves. */
  readonly broken: Promise<never>;
  /** Ends in good order. */
  stop(): Promise<void>;
}

/**
 * Starts the daemon: lock, port, then the database. Rejects with an AppError for what makes a start senseless (a data
 * directory that cannot be written, another daemon, a database of somebody else, a port in use). A locked database is
 * none of these, nor is that of an older program, which is taken over: the port is open meanwhile and says so.
 */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const { config, clock, log } = options;
  await prepareDataDir(config.dataDir);
  if (dirname(config.dbPath) !== config.dataDir) await prepareDataDir(dirname(config.dbPath));
  const lock = await acquireLock(await serveLockPath(config.dbPath), 'serve', clock.now());
  try {
    const found = unlessReturned(await startState(config.dbPath, { clock }));
    // What only a change of rights mends is told at once, not by a port that opens and closes.
    if (found.kind === 'old') await mustBeMovable(await realDatabasePath(config.dbPath));
    return await new RunningDaemon(options, lock, found).listen();
  } catch (error) {
    log.debug({ err: error }, 'the start failed');
    await lock.release();
    throw error;
  }
}

class RunningDaemon implements Daemon {
  url = '';
  opened: Promise<void> = Promise.resolve();
  readonly #broken = Promise.withResolvers<never>();
  readonly #options: DaemonOptions;
  readonly #lock: Lock;
  readonly #board: HealthBoard;
  readonly #runtime = new RuntimeFigures();
  readonly #stopping = new AbortController();
  readonly #found: StartState;
  readonly #takeoverBoard: TakeoverBoard;
  readonly #takeover: Takeover;
  #app: FastifyInstance | null = null;
  #control: ControlSocket | null = null;
  #services: OpenServices | null = null;
  readonly #servicesReady = Promise.withResolvers<void>();

  constructor(options: DaemonOptions, lock: Lock, found: StartState) {
    this.#options = options;
    this.#lock = lock;
    this.#found = found;
    this.#board = new HealthBoard(options.clock, (reason, change) => this.#logReason(reason, change));
    this.#takeoverBoard = new TakeoverBoard(options.clock, this.#board);
    this.#takeover = new Takeover({ ...options, board: this.#board, takeover: this.#takeoverBoard });
  }

  get broken(): Promise<never> {
    return this.#broken.promise;
  }

  async listen(): Promise<this> {
    const { config, clock, log } = this.#options;
    const context: DaemonContext = {
      version: VERSION,
      startedAtMs: clock.now(),
      clock,
      config,
      board: this.#board,
      runtime: this.#runtime,
      takeover: this.#takeoverBoard,
      services: () => {
        if (this.#services) return this.#services;
        if (this.#takeoverBoard.running() !== null) throw new AppError('taking_over');
        const locked = this.#board.health().reasons.some((reason) => reason.code === 'database_locked');
        throw new AppError(locked ? 'database_locked' : 'starting');
      },
      servicesIfReady: () => this.#services,
    };
    this.#noteSurroundings();
    // Each request is a line only for those who asked to see more.
    const level = log.level === 'debug' ? 'debug' : 'warn';
    const app = await createApp(context, log.child({}, { level, serializers: REQUEST_SERIALIZERS }));
    this.#app = app;
    const { host, port, text } = config.httpAddr;
    try {
      this.url = await app.listen({ host, port });
    } catch (error) {
      await app.close();
      throw new AppError('port_in_use', { detail: `${text} (${errorCode(error)})`, cause: error });
    }
    this.#control = await listenForCommands({
      dbPath: config.dbPath,
      log,
      health: () => this.#board.health(),
      commands: {
        status: () => statusBody(context),
        reload: () => context.services().reload(),
      },
    });
    log.info({ event: 'listening', url: this.url, version: VERSION, dataDir: config.dataDir }, 'listening');
    this.opened = this.#open();
    return this;
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#control?.close();
    await this.#app?.close();
    // Opening ends by itself, or waits for a lock to begin: then it ends when what it opened does.
    await Promise.race([this.opened.catch(() => {}), this.#servicesReady.promise]);
    await this.#takeover.close();
    await this.#services?.close();
    await this.opened.catch(() => {});
    this.#runtime.stop();
    await this.#lock.release();
  }

  /** Opens the database, waiting as long as somebody else has it locked. */
  async #open(): Promise<void> {
    const { clock } = this.#options;
    // Opening blocks for moments: whoever started us is to know first that the port is open.
    await new Promise((resolve) => setImmediate(resolve));
    while (!this.#stopping.signal.aborted) {
      try {
        if (!(await this.#takeover.makeWay(this.#found, this.#stopping.signal))) return;
        // A second time only what comes after it is tried again.
        await this.#takeover.carry();
        this.#services ??= await openServices({
          ...this.#options,
          board: this.#board,
          onBroken: (error) => this.#broken.reject(error),
        });
        this.#board.clear('database_locked');
        this.#servicesReady.resolve();
        if (this.#stopping.signal.aborted) return;
        await this.#services.begin();
        this.#takeover.begin(this.#services);
        return;
      } catch (error) {
        // Whoever ends us knows, and needs no other reason.
        if (this.#stopping.signal.aborted) return;
        if (!(error instanceof AppError) || error.code !== 'database_locked') throw error;
        this.#board.set('database_locked');
        await clock.sleep(OPEN_AGAIN_MS, this.#stopping.signal);
      }
    }
  }

  #noteSurroundings(): void {
    const { config } = this.#options;
    const replaced = config.warnings.map((warning) => warning.message);
    if (replaced.length > 0) this.#board.set('setting_replaced', { detail: replaced.join(' ') });
    const folder = dirname(config.dbPath);
    if (insideContainerLayer(folder)) this.#board.set('data_in_container_layer', { detail: folder });
  }

  #logReason(reason: HealthReason, change: 'set' | 'cleared'): void {
    const { log } = this.#options;
    // How far something is changes often: a line for each tenth is enough.
    if ((reason.facts.percent ?? 0) % 10 !== 0) return;
    const facts = { event: 'health', code: reason.code, level: reason.level };
    if (change === 'cleared') log.info(facts, `over: ${reason.message}`);
    else if (reason.level === 'notice') log.info({ ...facts, fix: reason.fix }, reason.message);
    else log.warn({ ...facts, fix: reason.fix }, reason.message);
  }
}

function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : String(error);
}
