import type { DiagnosisCode } from './transport.ts';

export type HealthState = 'ok' | 'degraded' | 'down';

/** What a diagnosis may say beyond its fixed words. Never a secret. */
export interface DiagnosisFacts {
  readonly url?: string;
  readonly host?: string;
  readonly detail?: string;
  readonly version?: string;
  readonly retentionSeconds?: number;
  readonly pollIntervalMs?: number;
  readonly retryAtMs?: number;
  readonly pid?: number;
  readonly percent?: number;
}

/** One thing that is wrong or worth knowing, in plain words. */
export interface HealthReason {
  readonly code: DiagnosisCode;
  /** `notice` does not degrade the health. */
  readonly level: 'down' | 'degraded' | 'notice';
  /** Epoch ms. */
  readonly since: number;
  readonly message: string;
  readonly fix: string;
  /** What `message` and `fix` were made of, for those who say it in another language. */
  readonly facts: DiagnosisFacts;
}

export interface Health {
  readonly state: HealthState;
  readonly reasons: readonly HealthReason[];
}
