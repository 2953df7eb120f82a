import { GatewayError, type GatewayClient, type GatewayInfo } from '../lib/contract/gateway.ts';
import { hostOf } from '../lib/gateway/failures.ts';
import { AppError, type ErrorCode } from '../lib/errors.ts';
import { diagnose } from '../lib/gateway/diagnoses.ts';

export interface ProofOptions {
  readonly monitoring: boolean;
  readonly pollIntervalMs: number;
  /** Switch usage publishing on in the gateway; only where somebody asked for it. */
  readonly enablePublishing: boolean;
  /** HTTP status for a gateway that cannot be reached; 502. */
  readonly unreachableStatus?: number;
}

/**
 * Asks the gateway whether URL and key are right, and fit what is wanted of them. Throws
 * `management_api_validation_failed`, `request_failed` (it cannot be reached), `cpa_usage_retention_invalid`,
 * `poll_interval_exceeds_retention`, `enable_cpa_usage_statistics_failed`.
 */
export async function proveConnection(client: GatewayClient, options: ProofOptions): Promise<GatewayInfo> {
  const info = await client.info().catch((error: unknown) => {
    throw explain(error, 'management_api_validation_failed', client, options);
  });
  if (!options.monitoring) return info;
  if (info.retentionSeconds <= 0) throw new AppError('cpa_usage_retention_invalid');
  if (options.pollIntervalMs > info.retentionSeconds * 1_000) {
    throw new AppError('poll_interval_exceeds_retention', { detail: `${info.retentionSeconds} seconds` });
  }
  if (options.enablePublishing) {
    await client.enableUsageStatistics().catch((error: unknown) => {
      throw explain(error, 'enable_cpa_usage_statistics_failed', client, options);
    });
  }
  return info;
}

/** A failed call in the words of the diagnosis: `answered` where the gateway said something, else unreachable. */
function explain(
  error: unknown,
  answered: ErrorCode,
  client: GatewayClient,
  { unreachableStatus: status = 502 }: ProofOptions,
): AppError {
  if (!(error instanceof GatewayError)) return new AppError('internal', { cause: error });
  const { baseUrl } = client.connection;
  const reason = diagnose(error.diagnosis, 0, {
    url: baseUrl,
    host: hostOf(baseUrl),
    detail: error.message,
  });
  const hint = `${reason.message} ${reason.fix}`;
  const refused = error.diagnosis === 'key_refused' || error.diagnosis === 'banned';
  if (error.status !== null || refused)
    return new AppError(answered, { detail: error.message, hint, cause: error });
  return new AppError('request_failed', { detail: error.message, hint, cause: error, status });
}
