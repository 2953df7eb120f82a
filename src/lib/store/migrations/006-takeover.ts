/**
 * How far the rows of each old volume have been copied. Written in the transactions that store them, so that a copy
 * which is killed goes on where it stood and its counts stay true.
 */
export const TAKEOVER = `
CREATE TABLE takeover (
  source TEXT PRIMARY KEY,            -- what the old volume is called
  position INTEGER NOT NULL,          -- rowid of the last old event that was dealt with
  position_hash TEXT NOT NULL,        -- hash of the last one that was handed in: another file has another one there
  added INTEGER NOT NULL,
  duplicates INTEGER NOT NULL,        -- events that were here before
  refused INTEGER NOT NULL,
  shortened INTEGER NOT NULL,         -- taken without what of them lies on damaged pages
  started_at_ms INTEGER NOT NULL,
  ended_at_ms INTEGER                 -- NULL until everything was looked at
) STRICT, WITHOUT ROWID;
`;
