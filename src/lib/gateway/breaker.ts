import { createHash } from 'node:crypto';
import type { Clock } from '../contract/clock.ts';
import { GatewayError, type GatewayConnection, type KeyBreaker, type Refusal } from '../contract/gateway.ts';

/** Where refusals are kept: one text, durable once `save` resolves. */
export interface BreakerStorage {
  load(): string | null;
  save(text: string | null): Promise<void>;
}

/** As long as CLIProxyAPI's own ban. */
const PAUSE_MS = 30 * 60_000;
/**
 * CLIProxyAPI counts wrong keys without a time window and forgets them only after two hours without one. A key that was
 * refused again is therefore kept back longer than that, so that even a restart loop never adds up to a ban.
 */
const REPEATED_PAUSE_MS = 125 * 60_000;
/** The gateway rounds the rest of a ban to seconds; better late than a second too early. */
const BAN_MARGIN_MS = 5_000;
/** Keys tried in a setup form, beside the saved one. More are never remembered at a time. */
const MOST_ENTRIES = 8;

interface Entry extends Refusal {
  /** SHA-256 of URL and key, so that neither can be read from it. */
  readonly hash: string;
  /** SHA-256 of the URL alone. */
  readonly url: string;
  /** Times this key was refused in a row, or may have been. */
  readonly strikes: number;
}

interface Held {
  readonly entry: Entry;
  /** The end by the clock that nobody can set. */
  readonly untilMonotonic: number;
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

const normalised = ({ baseUrl }: GatewayConnection): string =>
  URL.canParse(baseUrl) ? new URL(baseUrl).href.replace(/\/+$/, '') : baseUrl;

const urlHash = (connection: GatewayConnection): string => sha256(normalised(connection));

/** SHA-256 in hex of the normalised URL, a line feed and the key. */
export function connectionHash(connection: GatewayConnection): string {
  return sha256(`${normalised(connection)}\n${connection.managementKey}`);
}

/** Reads what `storage` holds and guards every use of a management key from then on. */
export function createKeyBreaker(storage: BreakerStorage, clock: Clock): KeyBreaker {
  let held: Held[] = [];
  /** Refusals whose time is over: not in force, but the next one of the same key counts as a repetition. */
  let past: Entry[] = [];

  const hold = (entry: Entry): Held => ({
    entry,
    untilMonotonic: clock.monotonic() + (entry.untilMs - clock.now()),
  });
  const remainingMs = ({ entry, untilMonotonic }: Held): number =>
    Math.min(entry.untilMs - clock.now(), untilMonotonic - clock.monotonic());
  const inForce = (): Held[] => {
    const over = held.filter((one) => remainingMs(one) <= 0);
    if (over.length > 0) {
      held = held.filter((one) => !over.includes(one));
      past = [...past, ...over.map((one) => one.entry)].slice(-MOST_ENTRIES);
    }
    return held;
  };
  /** How often what is held has changed, and which of these states is stored. */
  let changes = 0;
  let stored = 0;
  let saving: { readonly state: number; readonly done: Promise<void> } | null = null;
  /** Stores what is held; nothing to do when that is stored already. A failure is made good by the next call. */
  const save = (): Promise<void> => {
    const state = changes;
    if (stored === state) return Promise.resolve();
    if (saving?.state === state) return saving.done;
    const entries = [...past, ...held.map((one) => one.entry)].slice(-MOST_ENTRIES);
    const store = async (): Promise<void> => {
      try {
        await storage.save(entries.length === 0 ? null : JSON.stringify(entries));
        stored = Math.max(stored, state);
      } finally {
        if (saving?.state === state) saving = null;
      }
    };
    const done = store();
    saving = { state, done };
    return done;
  };
  const forget = (isMeant: (entry: Entry) => boolean): Promise<void> => {
    const before = held.length + past.length;
    held = held.filter(({ entry }) => !isMeant(entry));
    past = past.filter((entry) => !isMeant(entry));
    if (held.length + past.length < before) changes += 1;
    return save();
  };

  const now = clock.now();
  const loaded = parseEntries(storage.load());
  // A clock that was set back since would keep the key away for as long as it was wrong: count from now instead.
  const rebased = loaded.map((entry) =>
    entry.atMs > now ? { ...entry, atMs: now, untilMs: now + (entry.untilMs - entry.atMs) } : entry,
  );
  held = rebased.map(hold);
  if (loaded.some((entry) => entry.atMs > now)) {
    changes += 1;
    // Not saving it only means that the next start counts from its own now again.
    save().catch(() => {});
  }

  return {
    check: (connection) => {
      // Called before every use of a key, and so the place to repeat what could not be stored.
      save().catch(() => {});
      const hash = connectionHash(connection);
      const found = inForce().find((one) => one.entry.hash === hash);
      if (!found) return;
      const { diagnosis, detail, atMs } = found.entry;
      throw new GatewayError(diagnosis, `${detail}, remembered from ${new Date(atMs).toISOString()}`);
    },

    refused: (connection, diagnosis, detail, others = 0) => {
      const hash = connectionHash(connection);
      const atMs = clock.now();
      inForce();
      const before = [...held.map((one) => one.entry), ...past].find((entry) => entry.hash === hash);
      const strikes = (before?.strikes ?? 0) + (diagnosis === 'key_refused' ? 1 : 0) + others;
      const pause = diagnosis === 'banned' ? banMs(detail) : strikes > 1 ? REPEATED_PAUSE_MS : PAUSE_MS;
      held = held.filter((one) => one.entry.hash !== hash);
      past = past.filter((entry) => entry.hash !== hash);
      const url = urlHash(connection);
      held.push(hold({ hash, url, strikes, diagnosis, atMs, untilMs: atMs + pause, detail }));
      changes += 1;
      return save();
    },

    accepted: (connection) => {
      if (held.length === 0 && past.length === 0) return save();
      const url = urlHash(connection);
      return forget((entry) => entry.url === url);
    },

    reset: () => forget(() => true),

    current: () => {
      const last = inForce().at(-1);
      if (!last) return null;
      const { diagnosis, atMs, detail } = last.entry;
      return { diagnosis, atMs, untilMs: clock.now() + remainingMs(last), detail };
    },
  };
}

/** How long a ban lasts, from the gateway's own words: `Try again in 29m59s`. */
function banMs(detail: string): number {
  const [, hours, minutes, seconds] =
    /try again in (?:(\d{1,3})h)?(?:(\d{1,3})m)?(?:(\d{1,3})(?:\.\d+)?s)?/i.exec(detail) ?? [];
  const told = (Number(hours ?? 0) * 3600 + Number(minutes ?? 0) * 60 + Number(seconds ?? 0)) * 1000;
  return told === 0 ? PAUSE_MS : Math.min(told + BAN_MARGIN_MS, REPEATED_PAUSE_MS);
}

/** What does not look like our own entry is left out: a damaged row must not keep the collector from starting. */
function parseEntries(text: string | null): Entry[] {
  if (text === null) return [];
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value.filter(isEntry) : [];
  } catch {
    return [];
  }
}

function isEntry(value: unknown): value is Entry {
  if (typeof value !== 'object' || value === null) return false;
  const entry: Partial<Record<keyof Entry, unknown>> = value;
  return (
    typeof entry.hash === 'string' &&
    typeof entry.url === 'string' &&
    (entry.diagnosis === 'key_refused' || entry.diagnosis === 'banned') &&
    Number.isSafeInteger(entry.atMs) &&
    Number.isSafeInteger(entry.untilMs) &&
    Number.isSafeInteger(entry.strikes) &&
    typeof entry.detail === 'string'
  );
}
