import type { DiagnosisCode } from './transport.ts';

/** Where the gateway is and the key we call it with. `baseUrl` is normalised: no trailing slash, no `/v0/management`. */
export interface GatewayConnection {
  readonly baseUrl: string;
  readonly managementKey: string;
  /** Accept any certificate. Only for RESP sockets and calls to this gateway. */
  readonly tlsSkipVerify: boolean;
}

/** What the gateway says of itself. `version` is its header `X-CPA-VERSION`, `''` when it sent none. */
export interface GatewayInfo {
  readonly version: string;
  readonly usageStatisticsEnabled: boolean;
  readonly retentionSeconds: number;
  /** The gateway did not report its retention; 60 is assumed. */
  readonly retentionAssumed: boolean;
}

/** A call that the gateway, or the way to it, did not let through. */
export class GatewayError extends Error {
  override readonly name = 'GatewayError';
  readonly diagnosis: DiagnosisCode;
  /** The gateway's status where it answered. */
  readonly status: number | null;
  constructor(diagnosis: DiagnosisCode, message: string, options: { status?: number; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.diagnosis = diagnosis;
    this.status = options.status ?? null;
  }
}

/** A refusal of our key that is remembered, so that nobody tries again and gets the address banned. */
export interface Refusal {
  readonly diagnosis: 'key_refused' | 'banned';
  readonly atMs: number;
  /** Until then nobody tries, unless key or URL change or a person asks. */
  readonly untilMs: number;
  /** What the gateway said, without secrets. */
  readonly detail: string;
}

/**
 * Guards every use of the management key, over HTTP and RESP alike. The gateway bans an address for 30 minutes after
 * 5 bad keys, so a refused one is remembered durably (by the SHA-256 of URL and key) and tried by nobody.
 */
export interface KeyBreaker {
  /** Throws a GatewayError when this URL and key were refused and the time is not over. */
  check(connection: GatewayConnection): void;
  /**
   * Remembers a refusal before anything else happens. `others`: calls with the same key that nobody heard the end of, and
   * that the gateway may have counted too.
   */
  refused(
    connection: GatewayConnection,
    diagnosis: Refusal['diagnosis'],
    detail: string,
    others?: number,
  ): Promise<void>;
  /** The key worked: forget an earlier refusal. */
  accepted(connection: GatewayConnection): Promise<void>;
  /** A person says "try again": forget it whatever key it was for. */
  reset(): Promise<void>;
  current(): Refusal | null;
}

/** The answer to `GET /v0/management/usage-queue`. */
export interface PoppedRecords {
  readonly payloads: readonly Uint8Array[];
  /** Full length in bytes of those payloads, by index, that were longer than is kept and are only their beginning. */
  readonly truncated?: ReadonlyMap<number, number>;
  /** The body broke off or was not what it should be: some records were popped and are gone. */
  readonly damage: { readonly detail: string; readonly diagnosis?: DiagnosisCode } | null;
}

/** Calls the gateway's management API. Every method throws GatewayError and nothing else; none follows redirects. */
export interface GatewayClient {
  readonly connection: GatewayConnection;
  /** `GET /v0/management/config`: one call that proves URL and key and tells version, publishing and retention. */
  info(signal?: AbortSignal): Promise<GatewayInfo>;
  /** `PUT /v0/management/usage-statistics-enabled {"value":true}`: the only write we make on our own. */
  enableUsageStatistics(signal?: AbortSignal): Promise<void>;
  /** Pops up to `count` records. They are ours from then on. */
  popUsage(count: number, signal?: AbortSignal): Promise<PoppedRecords>;
  /** `GET /v0/management/api-key-usage`: requests the gateway has counted since its start, all keys together. */
  requestCount(signal?: AbortSignal): Promise<number | null>;
  /** `GET /v0/management/api-keys`: the keys that clients call models with. They are secrets; only hashes may be kept. */
  clientKeys(signal?: AbortSignal): Promise<readonly string[]>;
  close(): Promise<void>;
}
