import { MANAGER_CONFIG, SETUP } from '../config/manager-config.ts';
import { AppError } from '../errors.ts';
import { carryInto } from '../store/carry-store.ts';
import { openOld } from '../store/old/open.ts';
import { readOldSchema, type OldProgram, type OldSchema } from '../store/old/schema.ts';
import { oldSetting, readTable } from '../store/old/tables.ts';
import type { Db } from '../store/sqlite.ts';
import { parseKeyAlias, type KeyAlias } from '../usage/aliases.ts';
import { text } from '../usage/readers.ts';
import { oldPrices, type OldPrices } from './map-prices.ts';
import { mapSettings, type MappedSettings, type TakeoverKeys } from './map-settings.ts';

export interface CarryOptions extends TakeoverKeys {
  /** The old database; opened for reading only. */
  readonly oldPath: string;
  /** Ours; made if need be. */
  readonly dbPath: string;
  readonly nowMs: number;
}

export interface CarryResult {
  readonly program: OldProgram;
  readonly managementKey: MappedSettings['managementKey'];
  /** Base URL of the gateway that its events came from; `''` where it had none saved. */
  readonly gateway: string;
}

/** What an old volume holds besides events, as ours. */
export interface OldBelongings {
  readonly settings: MappedSettings;
  readonly prices: OldPrices;
  readonly aliases: readonly KeyAlias[];
  /** Hashes, as they are written, of aliases that cannot be one. */
  readonly refusedAliases: readonly string[];
  /** Tables that a damaged page cut short. */
  readonly broken: readonly string[];
}

/**
 * Puts settings, the log-in, the saved connection, prices and aliases of an old volume into our database, before its first
 * event comes: events are priced with these prices. What ours has already stays. Throws AppError: `database_foreign` where
 * it is the database of neither older program.
 */
export function carryOver(options: CarryOptions): CarryResult {
  const { oldPath, dbPath, nowMs } = options;
  const db = openOld(oldPath);
  try {
    const schema = oldSchemaOf(db, oldPath);
    const { settings, prices, aliases } = readBelongings(db, schema, options, nowMs);
    const together = [[MANAGER_CONFIG, SETUP]];
    carryInto(dbPath, { settings: settings.rows, together, prices: prices.rows, aliases }, nowMs);
    return { program: schema.program, managementKey: settings.managementKey, gateway: settings.gateway };
  } finally {
    db.close();
  }
}

/** Base URL of the gateway that the events of an old volume came from; `''` where it had none saved. Throws AppError. */
export function gatewayOf(oldPath: string): string {
  const db = openOld(oldPath);
  try {
    const schema = oldSchemaOf(db, oldPath);
    const keys = { oldBox: null, box: null };
    return mapSettings((key) => oldSetting(db, schema, key), keys, 0).gateway;
  } finally {
    db.close();
  }
}

/** Throws `database_foreign`. */
export function oldSchemaOf(db: Db, path: string): OldSchema {
  const schema = readOldSchema(db);
  if (schema === null) {
    const detail = `${path} is the database of neither CPA-Manager nor CPA-Manager-Plus`;
    throw new AppError('database_foreign', { detail });
  }
  return schema;
}

export function readBelongings(db: Db, schema: OldSchema, keys: TakeoverKeys, nowMs: number): OldBelongings {
  const broken: string[] = [];
  const rows = (table: string): ReturnType<typeof readTable>['rows'] => {
    const read = readTable(db, schema, table);
    if (read.broken) broken.push(table);
    return read.rows;
  };
  const aliases: KeyAlias[] = [];
  const refusedAliases: string[] = [];
  for (const row of rows('api_key_aliases')) {
    const given = { apiKeyHash: row['api_key_hash'], alias: row['alias'], updatedAtMs: row['updated_at_ms'] };
    try {
      aliases.push(parseKeyAlias(given, nowMs));
    } catch {
      refusedAliases.push(text(row['api_key_hash']));
    }
  }
  return {
    settings: mapSettings((key) => oldSetting(db, schema, key), keys, nowMs),
    prices: oldPrices({
      prices: rows('model_prices'),
      contextTiers: rows('model_price_context_tiers'),
      serviceTiers: rows('model_price_service_tiers'),
    }),
    aliases,
    refusedAliases,
    broken,
  };
}
