/**
 * What keeping prices needs besides the cards: the lists that were fetched last, so that a source which says "not
 * modified" can be asked for another model; names of client keys; and what recalculations replaced, so that each can be
 * undone. Rates are integer pico-USD a token, as in the tables before.
 */
export const PRICES = `
ALTER TABLE price_card ADD COLUMN output_image INTEGER;
ALTER TABLE price_card ADD COLUMN raw_json TEXT;            -- the entry of the source it came from
ALTER TABLE price_context_tier ADD COLUMN output_image INTEGER;
ALTER TABLE price_service_tier ADD COLUMN output_image INTEGER;

CREATE TABLE price_catalog (
  source TEXT PRIMARY KEY,            -- models.dev, litellm, openrouter
  etag TEXT NOT NULL,                 -- '' when the source sent none
  fetched_at_ms INTEGER NOT NULL,
  body BLOB NOT NULL                  -- as it was sent, deflated
) STRICT, WITHOUT ROWID;

CREATE TABLE client_key_alias (
  hash TEXT PRIMARY KEY,              -- hex SHA-256 of the client key
  alias TEXT NOT NULL,
  folded TEXT NOT NULL UNIQUE,        -- in lower case: no two keys have the same name
  updated_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE price_recalc (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  state TEXT NOT NULL CHECK (state IN ('running', 'done', 'undoing', 'undone')),
  scope TEXT NOT NULL,                -- JSON: which events
  price_revision INTEGER NOT NULL,    -- of meta.prices when it began
  next_id INTEGER NOT NULL,           -- events below it are done
  upto_id INTEGER NOT NULL,
  started_at_ms INTEGER NOT NULL,
  ended_at_ms INTEGER
) STRICT;

-- Sums of the events a recalculation looked at, by model.
CREATE TABLE price_recalc_model (
  recalc_id INTEGER NOT NULL REFERENCES price_recalc (id) ON DELETE CASCADE,
  model TEXT NOT NULL,
  events INTEGER NOT NULL,
  changed INTEGER NOT NULL,
  before_nano INTEGER NOT NULL,
  after_nano INTEGER NOT NULL,
  unpriced_before INTEGER NOT NULL,
  unpriced_after INTEGER NOT NULL,
  PRIMARY KEY (recalc_id, model)
) STRICT, WITHOUT ROWID;

-- What a changed event had before.
CREATE TABLE price_recalc_old (
  recalc_id INTEGER NOT NULL,
  event_id INTEGER NOT NULL,
  cost_nano INTEGER,
  price_id INTEGER,
  flags INTEGER NOT NULL,
  PRIMARY KEY (recalc_id, event_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX event_unpriced ON event (id) WHERE cost_nano IS NULL;
`;
