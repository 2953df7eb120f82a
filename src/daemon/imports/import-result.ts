import type { UsageImportFormat, UsageImportResult } from '../../lib/contract/api/usage-import.ts';
import type { ImportFormat } from '../../lib/transfer/import/format.ts';
import type { FileImport } from '../../lib/transfer/import/import-file.ts';

const FORMATS: Readonly<Record<ImportFormat, UsageImportFormat>> = {
  empty: '',
  lines: 'usage_service_jsonl',
  array: 'usage_service_jsonl',
  snapshot: 'legacy_usage_export',
  payload: 'legacy_usage_payload',
  summary: 'legacy_usage_payload',
};
/** Snapshots never said these exactly; clients show them. */
const LEGACY_WARNINGS = [
  'legacy_usage_metadata_is_partial',
  'legacy_usage_source_matching_may_be_approximate',
] as const;

export function importResult({ source, outcome }: FileImport): UsageImportResult {
  const format = FORMATS[source?.format ?? 'empty'];
  const isLegacy = format === 'legacy_usage_export' || format === 'legacy_usage_payload';
  const total = source?.events ?? outcome.added + outcome.duplicates;
  return {
    format,
    added: outcome.added,
    skipped: outcome.duplicates,
    total,
    failed: (source?.failed ?? 0) + outcome.refused + (source?.damage == null ? 0 : 1),
    unsupported: source?.unsupported ?? 0,
    warnings: isLegacy && total > 0 ? [...LEGACY_WARNINGS] : null,
  };
}
