import type { RawRecord, TransportName } from './record.ts';

/** What a transport is told after it handed records over: go on, or end in good order. */
export type SinkAnswer = 'more' | 'stop';

/**
 * Takes records from a transport. The promise resolves once they are durable. A transport that polls waits for it
 * before it pops again; the subscription, which must keep reading, does not, and ends when any answer was `stop`.
 */
export type Sink = (records: readonly RawRecord[]) => Promise<SinkAnswer>;

/**
 * How a run ended. `unsupported`: the gateway does not speak this (steps `auto` down). `refused`: it will not have
 * us (stop, do not retry). The next three are tried again after a pause. `stopped`: we asked for it.
 */
export type TransportEnd =
  | { readonly kind: 'stopped' }
  | {
      readonly kind: 'unsupported' | 'refused' | 'network' | 'overflow' | 'protocol';
      readonly diagnosis: DiagnosisCode;
      /** For people, without secrets: what was tried, and what came back. */
      readonly detail: string;
    };

/** What a transport reports while it runs. */
export interface TransportEvents {
  /** Connected, logged in, and (subscription) acknowledged. */
  ready(): void;
  /** Proof that the gateway was there at this moment, with or without records. */
  contact(): void;
  /**
   * Everything the gateway had for us up to `atMs` (epoch ms) is with the sink; what was polled is durable. While a
   * backlog is being taken this stays behind, because what is lost then may have waited in the gateway for long.
   */
  complete(atMs: number): void;
  /** Records that left the gateway and can never reach us, such as those of a truncated answer. */
  lost(loss: { readonly cause: GapCause; readonly estimate: number | null; readonly detail: string }): void;
}

/** One way in. A run ends by itself, or soon after `signal` aborts, when all it had taken is with the sink. */
export interface Transport {
  readonly name: TransportName;
  run(sink: Sink, events: TransportEvents, signal: AbortSignal): Promise<TransportEnd>;
}

/** Why records may be missing. Closed list: the panel and exports have a sentence for each. */
export type GapCause =
  /** We were not running for longer than the gateway keeps records. */
  | 'downtime'
  /** We were killed: what had been taken but was not yet durable is gone. */
  | 'killed'
  /** The subscription broke off; what the gateway had in its buffer for us is gone. */
  | 'subscription_cut'
  /** The gateway threw us out because we read too slowly. */
  | 'overflow'
  /** The gateway could not be reached for longer than it keeps records. */
  | 'unreachable'
  /** The gateway restarted, and its queue with it. */
  | 'gateway_restart'
  /** An answer with records in it broke off. */
  | 'truncated_answer'
  /** The spool was full for longer than the gateway keeps records. */
  | 'spool_full'
  /** Collection was switched off or not set up for longer than the gateway keeps records. */
  | 'paused'
  /** Records of a spool segment that could not be read back (wrong data key, damaged file). */
  | 'spool_damaged';

/** A time in which records may have been missed. */
export interface Gap {
  readonly id: number;
  readonly gatewayId: number;
  readonly fromMs: number;
  /** `null` while it lasts. */
  readonly toMs: number | null;
  readonly cause: GapCause;
  /** How many records, where that can be said. */
  readonly estimate: number | null;
  readonly detail: string;
}

/** Everything the collector can find wrong. Closed list; sentence and fix of each are in `src/lib/gateway/diagnoses.ts`. */
export type DiagnosisCode =
  | 'not_configured'
  | 'monitoring_off'
  | 'publishing_off'
  | 'key_refused'
  | 'key_missing'
  | 'remote_management_off'
  | 'management_disabled'
  | 'banned'
  | 'too_old_for_subscribe'
  | 'too_old_for_http'
  | 'older_than_recommended'
  | 'resp_disabled'
  | 'resp_through_http'
  | 'resp_behind_proxy'
  | 'tls_untrusted'
  | 'tls_failed'
  | 'dns_failed'
  | 'docker_host_unresolved'
  | 'connection_refused'
  | 'loopback_in_container'
  | 'timed_out'
  | 'connection_lost'
  | 'unexpected_redirect'
  | 'unexpected_status'
  | 'unexpected_answer'
  | 'overflow'
  | 'poll_exceeds_retention'
  | 'retention_short'
  | 'second_consumer'
  | 'not_storing'
  | 'database_locked'
  | 'disk_full'
  | 'spool_full'
  | 'spool_failed'
  | 'data_in_container_layer'
  | 'locked_data_key'
  | 'weak_admin_key'
  | 'setting_replaced'
  | 'old_program_running'
  | 'takeover_space'
  | 'taking_over'
  | 'takeover_failed'
  | 'no_history';
