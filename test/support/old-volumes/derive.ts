import type Database from 'better-sqlite3';
import { has, type Generation } from './generations.ts';

const SEARCHABLE = 50;

/** Some of what the program's background work leaves: the ledger of hashes, hourly sums, the index of the list. */
export function fillDerived(db: Database.Database, generation: Generation): void {
  if (has(generation, '+1.11.7')) {
    db.exec(`insert or ignore into usage_event_identity_ledger
        (event_hash, raw_event_id, timestamp_ms, bucket_ms, first_seen_at_ms, updated_at_ms)
      select event_hash, id, timestamp_ms, timestamp_ms - timestamp_ms % 3600000, created_at_ms, created_at_ms
      from usage_events order by id`);
    db.exec(`insert into usage_hourly_aggregate_v1
        (bucket_ms, model, billing_model, service_tier, failed, calls, total_tokens, updated_at_ms)
      select timestamp_ms - timestamp_ms % 3600000, model, coalesce(resolved_model, model), '', 0, count(*), 0, 1
      from usage_events where typeof(timestamp_ms) = 'integer' group by 1, 2, 3`);
    db.exec(`insert into usage_hourly_aggregate_state (aggregate_name, schema_version, status, coverage_event_id)
      select 'hourly_core', 3, 'ready', coalesce(max(id), 0) from usage_events`);
  }
  if (has(generation, '+1.11.2')) {
    db.exec(`insert into usage_data_migrations (name, status) values
      ('usage_cache_accounting_v1', 'completed'), ('usage_cache_accounting_v2', 'completed')`);
  }
  if (has(generation, '+1.11.12')) fillProjection(db);
}

function fillProjection(db: Database.Database): void {
  const columns = db.pragma('table_info(usage_monitoring_event_projection_v1)') as ReadonlyArray<{
    name: string;
    type: string;
  }>;
  const own = new Map([
    ['event_id', 'id'],
    ['search_text', `'found ' || lower(model)`],
    ['account_key', `''`],
    ['analytics_model', 'model'],
    ['updated_at_ms', '1'],
  ]);
  const values = columns.map(({ name, type }) => {
    const empty = type.toLowerCase() === 'text' ? `''` : '0';
    return own.get(name) ?? `coalesce(${name}, ${empty})`;
  });
  db.exec(`insert into usage_monitoring_event_projection_v1 (${columns.map(({ name }) => name).join(', ')})
    select ${values.join(', ')} from usage_events order by id limit ${SEARCHABLE}`);
}
