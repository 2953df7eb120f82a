import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { CpaStandIn, type StandInOptions } from './cpa/stand-in.ts';
import { DaemonProcess, type DaemonOptions } from './daemon.ts';

export const CPA_KEY = 'made-up-management-key-of-the-gateway';

export interface Answer<T> {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly body: T;
}

export interface ErrorAnswer {
  readonly code: string;
  readonly error: string;
  readonly hint?: string;
}

/** The answer of `GET` and `PUT /usage-service/config`. */
export interface ConfigAnswer {
  readonly config: {
    readonly cpaConnection: Readonly<Record<string, unknown>>;
    readonly collector: Readonly<Record<string, unknown>>;
    readonly codexInspection: Readonly<Record<string, unknown>>;
    readonly externalUsageService: Readonly<Record<string, unknown>>;
  };
  readonly source: string;
  readonly cpaUsage?: Readonly<Record<string, unknown>>;
}

/** A gateway that is gone after the test. */
export async function startCpa(t: TestContext, options: Partial<StandInOptions> = {}): Promise<CpaStandIn> {
  const cpa = await CpaStandIn.start({ version: '7.2.140', managementKey: CPA_KEY, ...options });
  t.after(() => cpa.close());
  return cpa;
}

/** The daemon with its database open. */
export async function startReady(t: TestContext, options: DaemonOptions = {}): Promise<DaemonProcess> {
  const daemon = await DaemonProcess.start(t, options);
  for (;;) {
    const info = await ask<{ adminReady: boolean }>(daemon, '/usage-service/info');
    if (info.body.adminReady) return daemon;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** One request with the admin key, and its whole answer. The body is `{}` where it is no JSON. */
export async function ask<T = ErrorAnswer>(
  daemon: DaemonProcess,
  path: string,
  init: RequestInit = {},
): Promise<Answer<T>> {
  const answer = await daemon.request(path, init);
  const text = await answer.text();
  const json = answer.headers.get('content-type')?.startsWith('application/json') === true && text !== '';
  const body: T = JSON.parse(json ? text : '{}');
  return { status: answer.status, headers: answer.headers, text, body };
}

/** What makes a request one without login. */
export const anonymous = (init: RequestInit = {}): RequestInit => withHeaders({ authorization: '' }, init);

export function withHeaders(headers: Readonly<Record<string, string>>, init: RequestInit = {}): RequestInit {
  const all = new Headers(init.headers);
  for (const [name, value] of Object.entries(headers)) all.set(name, value);
  return { ...init, headers: all };
}

export const put = (body: unknown): RequestInit => send('PUT', body);
export const post = (body: unknown): RequestInit => send('POST', body);

/** A body as it is when it is text, else as JSON. */
function send(method: string, body: unknown): RequestInit {
  return {
    method,
    headers: { 'content-type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  };
}

/** A request is answered with this status and code, and with a sentence. */
export async function assertRefused(
  daemon: DaemonProcess,
  path: string,
  init: RequestInit,
  status: number,
  code: string,
): Promise<Answer<ErrorAnswer>> {
  const answer = await ask(daemon, path, init);
  const about = `${init.method ?? 'GET'} ${path}: ${answer.text}`;
  assert.equal(answer.status, status, about);
  assert.equal(answer.body.code, code, about);
  assert.ok(answer.body.error.length > 5, about);
  return answer;
}

/** Every file below a directory with its bytes. */
export function filesBelow(dir: string): Map<string, Buffer> {
  const names = readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  return new Map(names.map((name) => [name, readFileSync(name)]));
}

/** A text is nowhere in the files of a directory. */
export function assertInNoFile(dir: string, secret: string): void {
  const found = [...filesBelow(dir)].filter(([, bytes]) => bytes.includes(secret)).map(([name]) => name);
  assert.deepEqual(found, []);
}

/** A recorded answer of CPA-Manager-Plus 1.12.2. */
export function recordedAnswer(name: 'status' | 'info' | 'config'): Record<string, unknown> {
  const file = new URL(`../fixtures/reference-api/${name}.json`, import.meta.url);
  return JSON.parse(readFileSync(file, 'utf8'));
}

/** Everything in `recorded` is in `ours` too, under the same name and of the same type. Values may differ. */
export function assertSameShape(ours: unknown, recorded: unknown, at = 'answer'): void {
  assert.equal(kind(ours), kind(recorded), at);
  if (!isObject(ours) || !isObject(recorded)) return;
  for (const [key, value] of Object.entries(recorded)) assertSameShape(ours[key], value, `${at}.${key}`);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return kind(value) === 'object';
}

function kind(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}
