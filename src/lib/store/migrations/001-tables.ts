/**
 * Facts hold integers; text that repeats is in dimension tables, whose ids begin at 1 and are never reused for
 * another meaning. NULL in a dimension column means "the record did not say". All times are epoch milliseconds.
 *
 * Two things in here look odd and are on purpose. The view `usage_events` (002) and the index named
 * `dead_letter_events` carry table names of older managers, so that such a program, started on this file by
 * mistake, fails at its first statements instead of making its tables in here. And `settings` has their shape,
 * with a version marker that CPA-Manager-Plus refuses.
 */
export const TABLES = `
CREATE TABLE meta (
  name TEXT PRIMARY KEY,              -- what was touched: events, prices, settings, gaps, ...
  revision INTEGER NOT NULL,          -- rises with every write
  changed_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE settings (
  key TEXT PRIMARY KEY,
  value TEXT NOT NULL,
  updated_at_ms INTEGER NOT NULL
) STRICT;
INSERT INTO settings VALUES ('usage_monitoring_model_format_version', 'cpamp', 0);

CREATE TABLE gateway (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  base_url TEXT NOT NULL UNIQUE,
  created_at_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE provider (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;

CREATE TABLE model (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,                 -- what people know it by
  requested TEXT NOT NULL,
  resolved TEXT NOT NULL,
  UNIQUE (name, requested, resolved)
) STRICT;

-- What rarely differs between calls, together: one small number in the event instead of ten.
CREATE TABLE call_profile (
  id INTEGER PRIMARY KEY,
  executor_type TEXT NOT NULL,
  endpoint TEXT NOT NULL,
  method TEXT NOT NULL,
  path TEXT NOT NULL,
  reasoning_effort TEXT NOT NULL,
  request_service_tier TEXT NOT NULL,
  response_service_tier TEXT NOT NULL,
  service_tier TEXT NOT NULL,         -- the one that decides the price
  cache_separate INTEGER NOT NULL,    -- 1: cached tokens are counted beside the input, 0: inside it
  UNIQUE (endpoint, executor_type, method, path, reasoning_effort, request_service_tier, response_service_tier,
          service_tier, cache_separate)
) STRICT;

CREATE TABLE credential (
  id INTEGER PRIMARY KEY,
  auth_index TEXT NOT NULL,
  auth_type TEXT NOT NULL,
  source TEXT NOT NULL,               -- masked
  source_hash TEXT NOT NULL,          -- hex SHA-256 of the raw source
  account TEXT NOT NULL,
  label TEXT NOT NULL,
  file TEXT NOT NULL,
  auth_provider TEXT NOT NULL,
  project TEXT NOT NULL,
  UNIQUE (auth_index, source_hash, auth_type, source, account, label, file, auth_provider, project)
) STRICT;

CREATE TABLE client_key (id INTEGER PRIMARY KEY, hash TEXT NOT NULL UNIQUE) STRICT;

CREATE TABLE user_agent (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE) STRICT;

CREATE TABLE address (
  id INTEGER PRIMARY KEY,
  client_ip TEXT NOT NULL,
  x_forwarded_for TEXT NOT NULL,
  UNIQUE (client_ip, x_forwarded_for)
) STRICT;

CREATE TABLE response_kind (
  id INTEGER PRIMARY KEY,
  quota_plan_type TEXT NOT NULL,
  error_kind TEXT NOT NULL,
  error_code TEXT NOT NULL,
  UNIQUE (quota_plan_type, error_kind, error_code)
) STRICT;

CREATE TABLE fail_text (
  id INTEGER PRIMARY KEY,
  digest BLOB NOT NULL UNIQUE,        -- first 16 bytes of the SHA-256 of the text
  text TEXT NOT NULL                  -- redacted
) STRICT;

CREATE TABLE price_version (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  sha256 BLOB NOT NULL UNIQUE,        -- of json
  json TEXT NOT NULL,
  created_at_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE event (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  gateway_id INTEGER NOT NULL,
  timestamp_ms INTEGER NOT NULL,
  timestamp_ns INTEGER NOT NULL,      -- nanoseconds below the millisecond, 0..999999
  hash64 INTEGER NOT NULL,            -- first 8 bytes of the event hash, big-endian, signed
  dup INTEGER NOT NULL,               -- tells events apart whose time and hash64 are the same
  request_id ANY,                     -- 4 bytes: eight lower-case hex digits; else text
  model_id INTEGER NOT NULL,
  provider_id INTEGER,
  profile_id INTEGER NOT NULL,
  credential_id INTEGER,
  client_key_id INTEGER,
  user_agent_id INTEGER,
  address_id INTEGER,
  failed INTEGER NOT NULL,
  fail_status_code INTEGER,
  flags INTEGER NOT NULL,
  uncached_input INTEGER NOT NULL,    -- tokens, each counted once: these six are what is priced and summed
  cache_read INTEGER NOT NULL,
  cache_write_5m INTEGER NOT NULL,
  cache_write_1h INTEGER NOT NULL,
  output INTEGER NOT NULL,            -- with reasoning
  reasoning INTEGER NOT NULL,
  reported_input INTEGER,             -- what the record said, where it is not what follows from those six
  reported_output INTEGER,
  reported_reasoning INTEGER,
  reported_cached INTEGER,
  reported_cache INTEGER,
  reported_cache_read INTEGER,
  reported_cache_creation INTEGER,
  reported_total INTEGER,
  cost_nano INTEGER,                  -- nano-USD; NULL: no source had a price
  price_id INTEGER,
  latency_ms INTEGER,
  ttft_ms INTEGER,
  created_after_ms INTEGER NOT NULL,  -- created_at_ms - timestamp_ms
  quota_used_percent REAL,
  quota_recover_at_ms INTEGER,
  response_kind_id INTEGER,
  trace_id ANY,                       -- packed by its form (ids.ts); else text
  response BLOB,                      -- response metadata (response-codec.ts)
  UNIQUE (timestamp_ms, hash64, dup)
) STRICT;

-- What few events have.
CREATE TABLE event_extra (
  event_id INTEGER PRIMARY KEY REFERENCES event (id) ON DELETE CASCADE,
  hash TEXT,                          -- the event hash, where the row does not give it
  timestamp TEXT,                     -- the time as text, where the two numbers do not give it
  auth_snapshot_at_ms INTEGER,
  fail_text_id INTEGER
) STRICT;

CREATE TABLE dead_letter (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  gateway_id INTEGER NOT NULL,
  received_at_ms INTEGER NOT NULL,
  transport TEXT NOT NULL,
  reason TEXT NOT NULL,
  detail TEXT NOT NULL,
  length INTEGER NOT NULL,            -- bytes of the whole record
  excerpt TEXT NOT NULL,              -- redacted
  digest INTEGER NOT NULL,            -- first 8 bytes of an HMAC of the original, so that a replay is recognised
  original BLOB                       -- encrypted; NULL when there was no data key
) STRICT;
CREATE UNIQUE INDEX dead_letter_events ON dead_letter (received_at_ms, digest, gateway_id);

CREATE TABLE gap (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  gateway_id INTEGER NOT NULL,
  from_ms INTEGER NOT NULL,
  to_ms INTEGER,                      -- NULL while it lasts
  cause TEXT NOT NULL,
  estimate INTEGER,
  detail TEXT NOT NULL
) STRICT;

CREATE TABLE inbox_position (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  segment TEXT NOT NULL,
  seq INTEGER NOT NULL
) STRICT;

CREATE TABLE contact_state (
  gateway_id INTEGER PRIMARY KEY REFERENCES gateway (id),
  last_contact_ms INTEGER,
  retention_seconds INTEGER,
  alive_ms INTEGER,                   -- when a process was last seen at work; written before the first record
  clean_stop_ms INTEGER
) STRICT;

-- Manual and synced prices in pico-USD a token; NULL: the source says nothing.
CREATE TABLE price_card (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  source TEXT NOT NULL CHECK (source IN ('manual', 'synced')),
  model TEXT NOT NULL,
  origin TEXT NOT NULL,
  input INTEGER,
  output INTEGER,
  cache_read INTEGER,
  cache_write_5m INTEGER,
  cache_write_1h INTEGER,
  updated_at_ms INTEGER NOT NULL,
  synced_at_ms INTEGER,
  UNIQUE (source, model)
) STRICT;

CREATE TABLE price_context_tier (
  card_id INTEGER NOT NULL REFERENCES price_card (id) ON DELETE CASCADE,
  threshold INTEGER NOT NULL,
  input INTEGER,
  output INTEGER,
  cache_read INTEGER,
  cache_write_5m INTEGER,
  cache_write_1h INTEGER,
  PRIMARY KEY (card_id, threshold)
) STRICT, WITHOUT ROWID;

CREATE TABLE price_service_tier (
  card_id INTEGER NOT NULL REFERENCES price_card (id) ON DELETE CASCADE,
  mode TEXT NOT NULL,
  service_tier TEXT NOT NULL,
  input INTEGER,
  output INTEGER,
  cache_read INTEGER,
  cache_write_5m INTEGER,
  cache_write_1h INTEGER,
  PRIMARY KEY (card_id, mode, service_tier)
) STRICT, WITHOUT ROWID;

-- Sums of the events, without dimensions. Written in their transaction; can be rebuilt from them.
CREATE TABLE total_5min (
  gateway_id INTEGER NOT NULL,
  bucket_ms INTEGER NOT NULL,         -- start of five minutes UTC
  calls INTEGER NOT NULL,
  failed INTEGER NOT NULL,
  uncached_input INTEGER NOT NULL,
  cache_read INTEGER NOT NULL,
  cache_write_5m INTEGER NOT NULL,
  cache_write_1h INTEGER NOT NULL,
  output INTEGER NOT NULL,
  reasoning INTEGER NOT NULL,
  cost_nano INTEGER NOT NULL,
  unpriced INTEGER NOT NULL,          -- calls without a price
  latency_sum_ms INTEGER NOT NULL,
  latency_count INTEGER NOT NULL,
  PRIMARY KEY (gateway_id, bucket_ms)
) STRICT, WITHOUT ROWID;
`;
