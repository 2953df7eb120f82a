import { connect } from 'node:tls';
import { runningInContainer } from '../config/container.ts';
import type { Clock } from '../contract/clock.ts';
import {
  GatewayError,
  type GatewayConnection,
  type GatewayInfo,
  type KeyBreaker,
} from '../contract/gateway.ts';
import type { CollectorMode } from '../contract/record.ts';
import { createGatewayClient } from './client.ts';
import { hostOf } from './failures.ts';
import { compareVersions } from './info.ts';
import { judgeGateway, type Finding } from './judge-gateway.ts';
import { connectRedis } from './redis.ts';

export interface ConnectionReport {
  /** `null`: the management API could not be called, and the first finding says why. */
  readonly info: GatewayInfo | null;
  /** The gravest first; empty when everything is as it should be. */
  readonly findings: readonly Finding[];
}

export interface TestConnectionOptions {
  readonly breaker: KeyBreaker;
  readonly clock: Clock;
  /** How records are to be taken; RESP is not tried for `http`. Default `auto`. */
  readonly mode?: CollectorMode;
  readonly pollIntervalMs?: number;
  readonly inContainer?: boolean;
  /** See GatewayClientOptions. */
  readonly timeoutMs?: number;
  readonly totalMs?: number;
}

/** The first version with SUBSCRIBE. */
const SUBSCRIBE_VERSION = '7.0.7';
/** Somebody waits before a form: connecting and each silence may last so long, and so long the whole call. */
const TIMEOUT_MS = 10_000;
const TOTAL_MS = 15_000;
const HANDSHAKE_MS = 3_000;

/**
 * Tries URL and key without taking a record: one call of the management API, and RESP only once the key is proved, so
 * that a wrong key costs one of the five that get the address banned. Never throws for what the gateway does.
 */
export async function testConnection(
  connection: GatewayConnection,
  options: TestConnectionOptions,
  signal?: AbortSignal,
): Promise<ConnectionReport> {
  const inContainer = options.inContainer ?? runningInContainer();
  const client = createGatewayClient(connection, {
    timeoutMs: TIMEOUT_MS,
    totalMs: TOTAL_MS,
    ...options,
    inContainer,
  });
  try {
    const info = await client.info(signal);
    const resp = signal?.aborted ? [] : await tryResp(connection, { ...options, inContainer }, info);
    return {
      info,
      findings: [...resp, ...judgeGateway(info, connection.baseUrl, options.pollIntervalMs ?? 0)],
    };
  } catch (error) {
    const found = finding(error, connection);
    if (found.code === 'connection_lost' && !signal?.aborted && (await hiddenTls(connection.baseUrl))) {
      const detail = 'the port speaks TLS, and the URL says http://';
      return { info: null, findings: [{ code: 'tls_failed', facts: { ...found.facts, detail } }] };
    }
    return { info: null, findings: [found] };
  } finally {
    await client.close();
  }
}

/**
 * Whether a port that just closes what is asked of it in http:// would have talked in TLS. Only a handshake is made, to
 * find that out, and nothing is sent.
 */
function hiddenTls(baseUrl: string): Promise<boolean> {
  const { protocol, hostname, port } = new URL(baseUrl);
  if (protocol !== 'http:') return Promise.resolve(false);
  return new Promise((resolve) => {
    const socket = connect({
      host: hostname.replace(/^\[(.*)\]$/, '$1'),
      port: Number(port || '80'),
      rejectUnauthorized: false,
      timeout: HANDSHAKE_MS,
    });
    const answer = (speaksTls: boolean) => (): void => {
      socket.destroy();
      resolve(speaksTls);
    };
    socket.once('secureConnect', answer(true));
    socket.once('timeout', answer(false));
    socket.on('error', answer(false));
    socket.once('close', answer(false));
  });
}

async function tryResp(
  connection: GatewayConnection,
  options: TestConnectionOptions & { readonly inContainer: boolean },
  info: GatewayInfo,
): Promise<Finding[]> {
  const mode = options.mode ?? 'auto';
  if (mode === 'http') return [];
  try {
    const redis = await connectRedis({ ...options, connection, url: connection.baseUrl });
    redis.disconnect();
  } catch (error) {
    return [finding(error, connection)];
  }
  const older = compareVersions(info.version, SUBSCRIBE_VERSION);
  if (mode === 'resp' || older === null || older >= 0) return [];
  return [{ code: 'too_old_for_subscribe', facts: { url: connection.baseUrl, version: info.version } }];
}

function finding(error: unknown, connection: GatewayConnection): Finding {
  if (!(error instanceof GatewayError)) throw error;
  const { baseUrl } = connection;
  return { code: error.diagnosis, facts: { url: baseUrl, host: hostOf(baseUrl), detail: error.message } };
}
