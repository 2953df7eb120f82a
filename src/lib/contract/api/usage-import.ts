/** `usage_service_jsonl` is every list of single records; `''` an empty file. */
export type UsageImportFormat = 'usage_service_jsonl' | 'legacy_usage_export' | 'legacy_usage_payload' | '';

/** What an import did. `total` events were read; each was added or skipped, because it was there already. */
export interface UsageImportResult {
  readonly format: UsageImportFormat;
  readonly added: number;
  readonly skipped: number;
  readonly total: number;
  /** Lines or items that could not be read. */
  readonly failed: number;
  /** Models of a snapshot of which it holds only sums. */
  readonly unsupported: number;
  readonly warnings: readonly string[] | null;
}

export type UsageImportStatus = 'uploading' | 'ready' | 'processing' | 'completed' | 'failed' | 'cancelled';

/** An upload in chunks. Times are epoch ms. */
export interface UsageImportSession {
  readonly id: string;
  readonly filename: string;
  readonly status: UsageImportStatus;
  readonly size_bytes: number;
  readonly received_bytes: number;
  readonly chunk_size_bytes: number;
  readonly created_at_ms: number;
  readonly updated_at_ms: number;
  readonly expires_at_ms: number;
  /** A failed one can be completed again. */
  readonly retryable: boolean;
  readonly error?: string;
  readonly result?: UsageImportResult;
}
