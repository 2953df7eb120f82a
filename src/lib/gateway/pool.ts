import { Pool } from 'undici';
import type { GatewayConnection } from '../contract/gateway.ts';

export interface PoolOptions {
  /** The most connections at a time. */
  readonly connections: number;
  /** How long connecting may last, in ms. */
  readonly connectTimeoutMs: number;
}

/** Connections to the gateway over HTTP/1.1, opened as they are needed. */
export function openPool(connection: GatewayConnection, options: PoolOptions): Pool {
  return new Pool(new URL(connection.baseUrl).origin, {
    connections: options.connections,
    allowH2: false,
    connect: {
      timeout: options.connectTimeoutMs,
      rejectUnauthorized: !connection.tlsSkipVerify,
    },
  });
}

/** The path of the base URL, without a slash at its end: what a gateway behind a proxy may be below. */
export function basePath(connection: GatewayConnection): string {
  return new URL(connection.baseUrl).pathname.replace(/\/+$/, '');
}
