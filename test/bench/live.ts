/** What the measurements of a running daemon share: the gateway's stand-in in a process of its own, and the compiled daemon. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

export const ADMIN_KEY = 'cmp_admin_key-of-the-benchmark-000000000';
const MANAGEMENT_KEY = 'management-key';
const root = new URL('../../', import.meta.url).pathname;

export interface LiveOptions {
  /** Records in the gateway's queue at the start. */
  readonly backlog: number;
  /** Records with the response headers of real answers. */
  readonly headers: boolean;
}

interface StandInPorts {
  readonly port: number;
  readonly controlPort: number;
}

interface Counts {
  readonly published: number;
  readonly delivered: number;
  readonly dropped: number;
}

interface Status {
  readonly eventCount: number;
  readonly gaps: readonly unknown[];
  readonly runtime: {
    readonly rssBytes: number;
    readonly eventLoopDelay: { readonly p99Ms: number; readonly maxMs: number };
  };
}

/** Starts a child and resolves with the first line of its output that `pick` takes. */
function start<T>(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  pick: (line: string) => T | null,
): Promise<{ child: ChildProcess; first: T }> {
  const child = spawn(process.execPath, args, {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  process.once('exit', () => child.kill('SIGKILL'));
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`${args[0]} ended with ${code}`)));
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => {
        const first = pick(line);
        if (first !== null) resolve({ child, first });
      });
    }
  });
}

/** A gateway and the daemon that collects from it. */
export class Live {
  /** ms from the start of the daemon to its open port. */
  readonly startToPortMs: number;
  /** When the port was open, by `performance.now`. */
  readonly opened: number;
  readonly url: string;
  readonly #gateway: { readonly child: ChildProcess; readonly first: StandInPorts };
  readonly #daemon: ChildProcess;
  readonly #dir: string;

  private constructor(parts: {
    readonly gateway: { readonly child: ChildProcess; readonly first: StandInPorts };
    readonly daemon: ChildProcess;
    readonly url: string;
    readonly dir: string;
    readonly begun: number;
  }) {
    this.#gateway = parts.gateway;
    this.#daemon = parts.daemon;
    this.#dir = parts.dir;
    this.url = parts.url;
    this.opened = performance.now();
    this.startToPortMs = Math.round(this.opened - parts.begun);
  }

  static async start({ backlog, headers }: LiveOptions): Promise<Live> {
    const dir = mkdtempSync(join(tmpdir(), 'cpamp-bench-'));
    const generator = headers ? [] : ['--no-headers'];
    const gateway = await start<StandInPorts>(
      ['test/support/cpa/main.ts', '--key', MANAGEMENT_KEY, '--backlog', String(backlog), ...generator],
      {},
      (line) => (line.startsWith('{"port"') ? (JSON.parse(line) as StandInPorts) : null),
    );
    const begun = performance.now();
    const { child, first } = await start<string>(
      ['dist/bin/cpamp.js', 'serve', '--log-format', 'json'],
      {
        USAGE_DATA_DIR: dir,
        HTTP_ADDR: '127.0.0.1:0',
        CPA_UPSTREAM_URL: `http://127.0.0.1:${gateway.first.port}`,
        CPA_MANAGEMENT_KEY: MANAGEMENT_KEY,
        CPA_MANAGER_ADMIN_KEY: ADMIN_KEY,
      },
      (line) => (line.includes('"event":"listening"') ? (JSON.parse(line) as { url: string }).url : null),
    );
    return new Live({ gateway, daemon: child, url: first, dir, begun });
  }

  /** Has the gateway do something; see test/support/cpa/main.ts. */
  async control(command: string): Promise<{ counts: Counts }> {
    const { controlPort } = this.#gateway.first;
    const answer = await fetch(`http://127.0.0.1:${controlPort}${command}`, { method: 'POST' });
    return (await answer.json()) as { counts: Counts };
  }

  /** Looks every 50 ms: rare enough not to be the load itself. */
  async storedAtLeast(count: number): Promise<Status> {
    for (;;) {
      const now = await this.#status();
      if (now && now.eventCount >= count) return now;
      await sleep(50);
    }
  }

  /** A number of `/proc/<pid>/<file>` of the daemon. */
  proc(file: string, name: string): number {
    const text = readFileSync(`/proc/${this.#daemon.pid}/${file}`, 'utf8');
    return Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)?.[1] ?? 0);
  }

  /** Of all threads of the daemon. */
  cpuSeconds(): number {
    const stat = readFileSync(`/proc/${this.#daemon.pid}/stat`, 'utf8');
    const fields = stat.split(') ')[1]?.split(' ') ?? [];
    return (Number(fields[11]) + Number(fields[12])) / 100;
  }

  async stop(): Promise<void> {
    this.#daemon.removeAllListeners('exit');
    this.#gateway.child.removeAllListeners('exit');
    const ended = new Promise((resolve) => this.#daemon.once('exit', resolve));
    this.#daemon.kill('SIGTERM');
    await ended;
    this.#gateway.child.kill('SIGKILL');
    rmSync(this.#dir, { recursive: true, force: true });
  }

  async #status(): Promise<Status | null> {
    const answer = await fetch(`${this.url}/status`, { headers: { authorization: `Bearer ${ADMIN_KEY}` } });
    return answer.ok ? ((await answer.json()) as Status) : null;
  }
}
