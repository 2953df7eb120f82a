import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';
import { COMPILE_CACHE } from './compile-cache.ts';

export const ADMIN_KEY = 'cmp_admin_key-of-the-integration-tests0';

/** A line of an export, as far as tests look at it. */
export interface ExportedEvent {
  readonly request_id?: string;
  readonly event_hash: string;
  readonly timestamp: string;
  readonly timestamp_ms: number;
  readonly model: string;
  readonly failed: boolean;
  readonly input_tokens: number;
  readonly output_tokens: number;
  readonly reasoning_tokens: number;
  readonly cached_tokens: number;
  readonly cache_read_tokens: number;
  readonly cache_creation_tokens: number;
  readonly total_tokens: number;
  readonly cost_nano_usd?: number | null;
  readonly [key: string]: unknown;
}

export interface ReportedGap {
  readonly fromMs: number;
  readonly toMs: number | null;
  readonly cause: string;
  readonly estimate: number | null;
}

/** What `/status` says, as far as tests look at it. */
export interface DaemonStatus {
  readonly configured: boolean;
  readonly eventCount: number;
  readonly deadLetters: number;
  readonly collector: {
    readonly collector: string;
    readonly transport: string;
    readonly mode: string;
    readonly totalInserted: number;
    readonly totalSkipped: number;
    readonly lastError: string;
  };
  readonly health: {
    readonly state: string;
    readonly reasons: ReadonlyArray<{
      readonly code: string;
      readonly message: string;
      readonly fix: string;
    }>;
  };
  readonly gaps: readonly ReportedGap[];
  readonly spool: { readonly records: number; readonly bytes: number; readonly state: string };
}

export interface DaemonOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
  readonly dataDir?: string;
  /** Runs the daemon through this command, such as a shell that sets limits first. */
  readonly wrap?: readonly string[];
}

const PROGRAM = new URL('../../bin/cpamp.ts', import.meta.url).pathname;

/** A directory that is gone after the test. */
export function tempDir(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'cpamp-test-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** The real daemon in a process of its own, on a port of the system's choice. */
export class DaemonProcess {
  readonly child: ChildProcess;
  readonly stdout: string[] = [];
  readonly stderr: string[] = [];
  /** Parsed lines of the log. */
  readonly log: Array<Record<string, unknown>> = [];
  url = '';
  #listeners: Array<() => void> = [];

  private constructor(child: ChildProcess) {
    this.child = child;
    for (const [stream, lines] of [
      [child.stdout, this.stdout],
      [child.stderr, this.stderr],
    ] as const) {
      if (!stream) continue;
      createInterface({ input: stream }).on('line', (line) => {
        lines.push(line);
        this.#onLine(line);
      });
    }
    child.once('exit', () => this.#wake());
  }

  /** Starts it and waits until it listens. Rejects with its output when it does not come up. */
  static async start(t: TestContext, options: DaemonOptions = {}): Promise<DaemonProcess> {
    const daemon = DaemonProcess.spawn(t, options);
    await daemon.until(() => daemon.url !== '');
    return daemon;
  }

  /** Starts it without waiting, for starts that are meant to fail. */
  static spawn(t: TestContext, options: DaemonOptions = {}): DaemonProcess {
    const command = [...(options.wrap ?? []), process.execPath, PROGRAM, 'serve', '--log-format', 'json'];
    const [file = process.execPath, ...args] = [...command, ...(options.args ?? [])];
    const child = spawn(file, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: process.env['PATH'] ?? '',
        ...COMPILE_CACHE,
        HTTP_ADDR: '127.0.0.1:0',
        CPA_MANAGER_ADMIN_KEY: ADMIN_KEY,
        USAGE_DATA_DIR: options.dataDir ?? tempDir(t),
        ...options.env,
      },
    });
    t.after(() => child.kill('SIGKILL'));
    return new DaemonProcess(child);
  }

  get exited(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  /** Resolves when `condition` holds; it is looked at after each line of output and at the end of the process. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      if (this.exited)
        throw new Error(`the daemon ended early:\n${[...this.stdout, ...this.stderr].join('\n')}`);
      await new Promise<void>((resolve) => this.#listeners.push(resolve));
    }
  }

  async request(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    if (!headers.has('authorization')) headers.set('authorization', `Bearer ${ADMIN_KEY}`);
    return fetch(this.url + path, { ...init, headers });
  }

  async json<T>(path: string, init: RequestInit = {}): Promise<T> {
    const answer = await this.request(path, init);
    const value: T = JSON.parse(await answer.text());
    return value;
  }

  status(): Promise<DaemonStatus> {
    return this.json<DaemonStatus>('/status');
  }

  /**
   * Asks for the status until it is as wanted. Each answer is awaited; there is no other clock in it. While the
   * database is not open yet there is no status.
   */
  async statusUntil(condition: (status: DaemonStatus) => boolean): Promise<DaemonStatus> {
    for (;;) {
      const answer = await this.request('/status');
      if (answer.status === 503) await answer.arrayBuffer();
      else {
        const status: DaemonStatus = JSON.parse(await answer.text());
        if (condition(status)) return status;
      }
      if (this.exited)
        throw new Error(`the daemon ended early:\n${[...this.stdout, ...this.stderr].join('\n')}`);
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }

  async exportEvents(): Promise<ExportedEvent[]> {
    const answer = await this.request('/v0/management/usage/export');
    const text = await answer.text();
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line): ExportedEvent => JSON.parse(line));
  }

  /** SIGTERM, and the exit code. */
  async stop(): Promise<number | null> {
    if (this.exited) return this.child.exitCode;
    const exit = once(this.child, 'exit');
    this.child.kill('SIGTERM');
    await exit;
    return this.child.exitCode;
  }

  /** Waits for an end that comes by itself, with all of the output read; the exit code. */
  async exit(): Promise<number | null> {
    await once(this.child, 'close');
    return this.child.exitCode;
  }

  async kill(): Promise<void> {
    if (this.exited) return;
    const exit = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await exit;
  }

  #onLine(line: string): void {
    if (line.startsWith('{')) {
      const entry: Record<string, unknown> = JSON.parse(line);
      this.log.push(entry);
      if (typeof entry['url'] === 'string' && entry['event'] === 'listening') this.url = entry['url'];
    }
    this.#wake();
  }

  #wake(): void {
    for (const listener of this.#listeners.splice(0)) listener();
  }
}
