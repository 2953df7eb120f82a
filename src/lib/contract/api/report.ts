import type { HealthState } from '../health.ts';
import type { StatusAnswer } from './gateway.ts';

/** Why the health is as it is: the diagnoses of a running daemon, and what only somebody beside it can see. */
export interface ReportReason {
  readonly code: string;
  readonly level: 'down' | 'degraded' | 'notice';
  /** Epoch ms; null: nobody knows. */
  readonly since: number | null;
  readonly message: string;
  readonly fix: string;
}

/**
 * What `cpamp status --json` prints, one line. The daemon's own answer has all fields of `GET /status` beside these; from
 * the file there are those named here.
 */
export interface StatusReport extends Omit<StatusAnswer, 'health' | 'spool' | 'database'> {
  readonly from: 'daemon' | 'file';
  /** The daemon of this database; null: none runs. */
  readonly pid: number | null;
  readonly health: { readonly state: HealthState; readonly reasons: readonly ReportReason[] };
  /** `records` is null from the file: only the daemon counts them. */
  readonly spool: { readonly records: number | null; readonly bytes: number; readonly state: string } | null;
  readonly dbPath: string;
  readonly database: {
    readonly databaseBytes: number;
    readonly walBytes: number;
    readonly totalBytes: number;
  };
}
