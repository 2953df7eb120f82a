import { TABLES } from './001-tables.ts';
import { VIEWS } from './002-views.ts';

/** In order; a migration that was released is never changed. `user_version` counts the ones that ran. */
export const MIGRATIONS: readonly string[] = [TABLES, VIEWS];

export const SCHEMA_VERSION = MIGRATIONS.length;
