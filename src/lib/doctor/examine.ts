import { systemCode } from '../files.ts';
import type { EffectiveConfig } from '../config/effective.ts';
import { mergeSettings, readSaved } from '../config/effective.ts';
import type { StartConfig } from '../config/start-config.ts';
import type { Clock } from '../contract/clock.ts';
import type { KeyBreaker } from '../contract/gateway.ts';
import { AppError } from '../errors.ts';
import { readLockHolder, serveLockPath } from '../lock.ts';
import {
  askGateway,
  checkConnection,
  checkKey,
  checkPublishing,
  checkResp,
  checkRetention,
  checkVersion,
  type GatewayFacts,
} from './gateway.ts';
import { checkConsumers, findConsumers } from './consumers.ts';
import { lookAtDaemon, type DaemonFacts } from './daemon.ts';
import { checkDataKey, checkFile, isReadable, lookAtDatabase, type FileFacts } from './database.ts';
import { checkDirectory, checkDiskSpace, checkPermissions } from './place.ts';
import { ProxyWalk } from './proxy.ts';
import { checkClock, checkDns, checkTcp, checkTls, reach, type Reach } from './reach.ts';
import { forgetRefusals, openMemory } from './refusals.ts';
import {
  CHECKS,
  fail,
  sentence,
  skipped,
  warn,
  type CheckId,
  type CheckResult,
  type Finding,
} from './result.ts';

export interface ExamineOptions {
  readonly config: StartConfig;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** The variable TZ, `''` without one. */
  readonly zone: string;
  /** Go through all of the database, however long it takes. */
  readonly full: boolean;
  /** Try a key that was refused before. */
  readonly tryKeyAgain: boolean;
  /** Where browsers reach the panel, without a slash at its end; null: the way there is not looked at. */
  readonly url: string | null;
  /** For the stream through the proxy. */
  readonly adminKey: string | null;
  /** Told before a check begins, and when it is done. */
  readonly onBegin: (title: string) => Promise<void>;
  readonly onResult: (result: CheckResult) => Promise<void>;
}

/**
 * Makes all checks in their order. None changes anything: records stay in the queue of CLIProxyAPI, the management key
 * is sent once at most while it is not known to be right, the database is only read, and no lock is taken that a daemon
 * wants. Rejects with the reason of the signal.
 */
export async function examine(options: ExamineOptions): Promise<readonly CheckResult[]> {
  const examination = new Examination(options);
  await examination.place();
  await examination.gateway();
  await examination.proxy();
  return examination.results;
}

class Examination {
  readonly results: CheckResult[] = [];
  readonly #options: ExamineOptions;
  /** Checks that what comes after them cannot do without, whatever their state is. */
  readonly #blocking = new Set<CheckId>();
  #file: FileFacts | 'absent' | 'unreadable' = 'unreadable';
  #daemon: DaemonFacts | null = null;
  #reached: Reach | null = null;

  constructor(options: ExamineOptions) {
    this.#options = options;
  }

  async place(): Promise<void> {
    const { config, clock, full, signal } = this.#options;
    const directory = await this.#check('directory', [], () => checkDirectory(config));
    if (directory.state === 'fail') this.#file = 'absent';
    await this.#check('permissions', ['directory'], () => checkPermissions(config));
    await this.#check('database', ['directory'], async () => {
      const { finding, facts } = await lookAtDatabase(config, clock.now());
      this.#file = facts;
      return finding;
    });
    const facts = this.#facts();
    await this.#check('data_key', ['database'], () =>
      facts ? checkDataKey(facts.dataKey) : skipped('The database could not be read.'),
    );
    await this.#check('integrity', ['directory'], () =>
      isReadable(config)
        ? checkFile(config, { full, signal })
        : skipped('There is no database to go through.'),
    );
    await this.#check('disk_space', ['directory'], () => checkDiskSpace(config));
    await this.#check('daemon', ['database'], async () => {
      const knowsConnection = this.#effective().connection !== null;
      const look = await lookAtDaemon(config, { nowMs: clock.now(), signal, knowsConnection });
      this.#daemon = look.facts;
      return look.finding;
    });
  }

  async gateway(): Promise<void> {
    const { config, clock, signal, zone } = this.#options;
    const effective = this.#effective();
    const { connection } = effective;
    await this.#check('clock', [], async () => {
      if (connection) this.#reached = await reach(connection, signal);
      const lastInsertedMs = this.#facts()?.lastInsertedMs ?? null;
      return checkClock({ nowMs: clock.now(), lastInsertedMs, zone, reached: this.#reached });
    });
    const isKnown = this.#facts() !== null || effective.source === 'env';
    await this.#check('connection', isKnown ? [] : ['directory', 'database'], () => {
      const found = checkConnection(effective);
      if (connection === null) this.#blocking.add('connection');
      if (found.state !== 'fail' || this.#daemon?.collects !== true) return found;
      return warn(
        `The address and key are not known here, but the daemon has them and collects from ${this.#daemon.upstream}.`,
        'Run this with the environment of the daemon: in a container, docker compose exec cpamp cpamp doctor.',
      );
    });
    await this.#onTheWay('dns', ['connection'], checkDns);
    await this.#onTheWay('tcp', ['dns'], checkTcp);
    await this.#onTheWay('tls', ['tcp'], (reached) =>
      connection ? checkTls(reached, connection, clock.now()) : skipped('There is no connection.'),
    );
    const facts = await this.#tryKey(effective);
    const of = (check: (one: GatewayFacts) => Finding) => (): Finding =>
      facts ? check(facts) : skipped('CLIProxyAPI could not be asked.');
    await this.#check('version', ['management_key'], of(checkVersion));
    await this.#check('publishing', ['management_key'], of(checkPublishing));
    await this.#check('retention', ['management_key'], of(checkRetention));
    await this.#check('resp', ['management_key'], of(checkResp));
    await this.#check('second_consumer', [], async () => {
      // The daemon of this database, also while it cannot be asked.
      const holder = await readLockHolder(await serveLockPath(config.dbPath));
      const own = [process.pid, process.ppid, this.#daemon?.pid, holder?.pid];
      const others = findConsumers(own.filter((pid) => typeof pid === 'number'));
      return checkConsumers({ daemon: this.#daemon, others });
    });
  }

  async proxy(): Promise<void> {
    const { url, adminKey, signal } = this.#options;
    if (url === null) {
      const fix = 'Give the address that browsers have: cpamp doctor --url https://cpa.example.org';
      await this.#check('proxy_path', [], () => skipped('Not asked for.', fix));
      return;
    }
    const walk = new ProxyWalk(url, signal);
    try {
      const path = await this.#check('proxy_path', [], () => walk.checkPath(this.#daemon));
      await this.#check('proxy_origin', ['proxy_path'], () => walk.checkOrigin());
      await this.#check('proxy_addresses', ['proxy_path'], () => walk.checkAddresses());
      const isProved = path.state !== 'fail' && this.#daemon?.startedAtMs != null;
      await this.#check('proxy_stream', ['proxy_path'], () => walk.checkStream(adminKey, isProved));
    } finally {
      await walk.close();
    }
  }

  /** Makes the one call with the key, unless it was refused before or a refusal could not be remembered. */
  async #tryKey(effective: EffectiveConfig): Promise<GatewayFacts | null> {
    const { config, clock, signal, tryKeyAgain } = this.#options;
    const { connection, collector } = effective;
    let asked: GatewayFacts | null = null;
    await this.#check('management_key', ['connection', 'tls'], async () => {
      if (connection === null) return skipped('There is no connection.');
      if (this.#file === 'unreadable') {
        return skipped('What the daemon remembers of this key could not be read, so it is not tried.');
      }
      const stored = this.#facts()?.refusals ?? null;
      let breaker: KeyBreaker;
      try {
        breaker = await openMemory({ dbPath: config.dbPath, stored, tryAgain: tryKeyAgain, clock });
      } catch (error) {
        if (systemCode(error) === '') throw error;
        return skipped(
          `A refusal could not be remembered here (${systemCode(error)}), so the key is not tried.`,
          'Put the directory right first.',
        );
      }
      const facts = await askGateway(connection, collector, { breaker, clock }, signal);
      if (facts.report.info !== null) {
        asked = facts;
        if (tryKeyAgain) await forgetRefusals(config.dbPath);
      }
      return checkKey(facts, connection.managementKey, tryKeyAgain && stored !== null);
    });
    return asked;
  }

  /** A check of the way to the gateway. A daemon that collects all the same has another way: it runs elsewhere. */
  async #onTheWay(id: CheckId, needs: readonly CheckId[], check: (reached: Reach) => Finding): Promise<void> {
    await this.#check(id, needs, () => {
      if (this.#reached === null) return skipped('There is no connection.');
      const found = check(this.#reached);
      if (found.state !== 'fail') return found;
      this.#blocking.add(id);
      const { collects = false, upstream = '' } = this.#daemon ?? {};
      if (!collects || upstream !== this.#reached.url) return found;
      return warn(
        `${found.message} The daemon, which may run elsewhere, reaches it all the same.`,
        found.fix,
      );
    });
  }

  #facts(): FileFacts | null {
    return typeof this.#file === 'string' ? null : this.#file;
  }

  /** What counts; without a database only what the environment says. */
  #effective(): EffectiveConfig {
    return this.#facts()?.effective ?? mergeSettings(this.#options.config, readSaved(new Map()), null);
  }

  /** Makes a check, unless one that it needs went wrong, and keeps what it found. */
  async #check(
    id: CheckId,
    needs: readonly CheckId[],
    check: () => Finding | Promise<Finding>,
  ): Promise<Finding> {
    const { signal, onBegin, onResult } = this.#options;
    signal.throwIfAborted();
    const title = CHECKS[id];
    await onBegin(title);
    const missing = this.results.find(
      (one) =>
        needs.includes(one.id) && (this.#blocking.has(one.id) || ['fail', 'skipped'].includes(one.state)),
    );
    const found = missing ? skipped(`First see to: ${missing.title}.`) : await guarded(check);
    const { state, message, fix } = found;
    const result: CheckResult = { id, title, state, message, ...(fix === '' ? {} : { fix }) };
    this.results.push(result);
    await onResult(result);
    return found;
  }
}

async function guarded(check: () => Finding | Promise<Finding>): Promise<Finding> {
  try {
    return await check();
  } catch (error) {
    if (error instanceof AppError) return fail(sentence(error.message), error.hint);
    // What was not foreseen of one check says nothing of the others.
    if (error instanceof Error && /^E[A-Z]+$/.test(systemCode(error))) {
      return fail(
        `It could not be looked at: ${error.message}.`,
        'See the directory and the permissions first.',
      );
    }
    throw error;
  }
}
