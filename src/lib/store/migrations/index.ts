import { TABLES } from './001-tables.ts';
import { VIEWS } from './002-views.ts';
import { TOTAL_EVER } from './003-total-ever.ts';
import { SESSIONS } from './004-sessions.ts';
import { PRICES } from './005-prices.ts';
import { TAKEOVER } from './006-takeover.ts';

/** In order; a migration that was released is never changed. `user_version` counts the ones that ran. */
export const MIGRATIONS: readonly string[] = [TABLES, VIEWS, TOTAL_EVER, SESSIONS, PRICES, TAKEOVER];

export const SCHEMA_VERSION = MIGRATIONS.length;
