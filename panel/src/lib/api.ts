import type { ErrorAnswer } from '../../../src/lib/contract/api.ts';
import type { Query } from './location.ts';
import { toParams } from './location.ts';

const TIMEOUT_MS = 30_000;
/** The one 401 that is about another key: a setup that came after somebody else's. */
const NOT_OUR_LOGIN = 'invalid_existing_management_key';

/** Why a request failed. `code` is what texts are chosen by; `error` and `hint` are the daemon's English words. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly code: string;
  readonly hint: string;
  /** HTTP status; 0 without an answer. */
  readonly status: number;
  /** Epoch ms before which it makes no sense to try again, from Retry-After. */
  readonly retryAtMs: number | null;

  constructor(
    code: string,
    error: string,
    more: { hint?: string; status?: number; retryAtMs?: number | null; cause?: unknown } = {},
  ) {
    super(error, { cause: more.cause });
    this.code = code;
    this.hint = more.hint ?? '';
    this.status = more.status ?? 0;
    this.retryAtMs = more.retryAtMs ?? null;
  }
}

export interface RequestOptions {
  readonly query?: Query;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** It is what begins a session: a refusal of it says nothing about the session there is. */
  readonly login?: boolean;
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
}

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** Sends `session-ended` when the daemon says 401 to a request that went out with our session. */
export const apiEvents = new EventTarget();

/**
 * One request to the daemon. `path` has no leading slash: addresses are relative to the page, so that it works under
 * a sub-path. Rejects with an ApiError, or with the signal's reason when it was aborted.
 */
async function request<T>(method: Method, path: string, options: RequestOptions = {}): Promise<T> {
  const timeout = AbortSignal.timeout(options.timeoutMs ?? TIMEOUT_MS);
  const signal = options.signal ? AbortSignal.any([options.signal, timeout]) : timeout;
  const search = toParams(options.query ?? {}).toString();
  const url = search === '' ? path : `${path}?${search}`;
  try {
    const answer = await fetch(url, { ...initOf(method, options), signal });
    if (!answer.ok) throw await errorOf(answer);
    if (answer.status === 204) return await readJson<T>(answer, 'null');
    return await readJson<T>(answer, await answer.text());
  } catch (error) {
    if (options.signal?.aborted) throw options.signal.reason;
    if (error instanceof ApiError) {
      if (error.status === 401 && error.code !== NOT_OUR_LOGIN && !options.login)
        apiEvents.dispatchEvent(new Event('session-ended'));
      throw error;
    }
    if (timeout.aborted) throw new ApiError('timeout', 'no answer in time', { cause: error });
    throw new ApiError('offline', 'the daemon cannot be reached', { cause: error });
  }
}

export const api = {
  get: <T>(path: string, options?: RequestOptions): Promise<T> => request<T>('GET', path, options),
  post: <T>(path: string, options?: RequestOptions): Promise<T> => request<T>('POST', path, options),
  put: <T>(path: string, options?: RequestOptions): Promise<T> => request<T>('PUT', path, options),
  delete: (path: string, options?: RequestOptions): Promise<null> => request<null>('DELETE', path, options),
} as const;

function initOf(method: Method, { body }: RequestOptions): RequestInit {
  const headers: Record<string, string> = { accept: 'application/json' };
  if (body !== undefined) headers['content-type'] = 'application/json';
  return {
    method,
    headers,
    cache: 'no-store',
    credentials: 'same-origin',
    redirect: 'error',
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  };
}

async function readJson<T>(answer: Response, text: string): Promise<T> {
  try {
    const value: T = JSON.parse(text);
    return value;
  } catch (cause) {
    // Such as the page of a proxy that sends this address elsewhere.
    throw new ApiError('bad_answer', 'the answer is not from cpamp', { status: answer.status, cause });
  }
}

async function errorOf(answer: Response): Promise<ApiError> {
  const text = await answer.text();
  const seconds = Number(answer.headers.get('retry-after') ?? Number.NaN);
  const more = {
    status: answer.status,
    retryAtMs: Number.isFinite(seconds) ? Date.now() + seconds * 1000 : null,
  };
  const body = errorBody(text);
  if (!body) return new ApiError('bad_answer', `HTTP ${answer.status}`, more);
  return new ApiError(body.code, body.error, { ...more, hint: body.hint ?? '' });
}

function errorBody(text: string): ErrorAnswer | null {
  try {
    const value: unknown = JSON.parse(text);
    return isErrorAnswer(value) ? value : null;
  } catch {
    return null;
  }
}

function isErrorAnswer(value: unknown): value is ErrorAnswer {
  return (
    typeof value === 'object' &&
    value !== null &&
    'code' in value &&
    typeof value.code === 'string' &&
    'error' in value &&
    typeof value.error === 'string'
  );
}
