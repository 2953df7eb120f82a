/**
 * Logins of browsers, and a name for this database that stays for its life: cookies are shared by all ports of a host,
 * so that two daemons there have to tell theirs apart.
 */
export const SESSIONS = `
CREATE TABLE session (
  token_hash BLOB PRIMARY KEY,        -- SHA-256 of the token, which only the browser has
  credential TEXT NOT NULL,           -- revision of the admin credential that it was given for
  created_at_ms INTEGER NOT NULL,
  expires_at_ms INTEGER NOT NULL,
  last_used_ms INTEGER NOT NULL       -- to the hour
) STRICT, WITHOUT ROWID;

INSERT INTO settings VALUES ('database_id', lower(hex(randomblob(16))), 0);
`;
