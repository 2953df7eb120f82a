import type { HealthAnswer } from './takeover.ts';

/** Body of every failed request. `code` and `error` are what older clients read; `hint` says what to do. */
export interface ErrorAnswer {
  readonly code: string;
  readonly error: string;
  readonly hint?: string;
}

/** `GET /usage-service/info`, open to everybody. */
export interface InfoAnswer {
  readonly service: string;
  readonly product?: string;
  readonly version?: string;
  readonly startedAt: number;
  readonly configured: boolean;
  readonly adminReady: boolean;
  readonly setupRequired: boolean;
  readonly dataKeyReady: boolean;
  readonly hasHistoricalData: boolean;
  /** Only while an old volume is taken over. */
  readonly takeover?: NonNullable<HealthAnswer['takeover']>;
}

/**
 * `GET` and `POST /usage-service/session`. GET never answers 401 for want of a login; it says so. POST trades the admin
 * key (`Authorization: Bearer`, or a body `{"adminKey":"..."}`) for the cookie. DELETE ends the session: 204, also without one.
 */
export type SessionAnswer =
  | { readonly authenticated: false }
  | {
      readonly authenticated: true;
      readonly via: 'session' | 'bearer';
      /** Null for a Bearer key, which does not expire. */
      readonly expiresAtMs: number | null;
    };
