import { TABLES } from './001-tables.ts';
import { VIEWS } from './002-views.ts';
import { TOTAL_EVER } from './003-total-ever.ts';

/** In order; a migration that was released is never changed. `user_version` counts the ones that ran. */
export const MIGRATIONS: readonly string[] = [TABLES, VIEWS, TOTAL_EVER];

export const SCHEMA_VERSION = MIGRATIONS.length;
