import type { DiagnosisCode } from './transport.ts';

export type HealthState = 'ok' | 'degraded' | 'down';

/** One thing that is wrong or worth knowing, in plain words. */
export interface HealthReason {
  readonly code: DiagnosisCode;
  /** `notice` does not degrade the health. */
  readonly level: 'down' | 'degraded' | 'notice';
  /** Epoch ms. */
  readonly since: number;
  readonly message: string;
  readonly fix: string;
}

export interface Health {
  readonly state: HealthState;
  readonly reasons: readonly HealthReason[];
}
