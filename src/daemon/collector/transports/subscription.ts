import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../../../lib/contract/clock.ts';
import {
  explainBytes,
  explainError,
  type Failure,
  type FailureContext,
} from '../../../lib/gateway/failures.ts';
import type { RespBulk, RespValue } from '../../../lib/gateway/resp-reader.ts';
import type { RespListener, RespSocket, SocketEnd } from '../../../lib/gateway/resp-socket.ts';
import { ArrivalProof, GATEWAY_BUFFER, type Ping } from './arrival.ts';

const PING_EVERY_MS = 20_000;
const PONG_WITHIN_MS = 10_000;
/** While records come, how often to look up to when all of them have come. */
const PROVE_EVERY_MS = 1_000;
/** So long without a record is quiet enough to look; after so many such spells in a row that were not, we look too. */
const CALM_MS = 200;
const BUSY_SPELLS = 10;
/** A spell that took so much longer was held up by our own process. Real time, like the spells. */
const HELD_UP_MS = 250;
/** How long to wait for a quiet moment before we unsubscribe in any case. Real time, like all about leaving. */
const QUIET_WITHIN_MS = 1_000;
/** After that, how often to look for at least an instant without a record. */
const LAST_LOOKS = 50;
/** How long the gateway may take to close after UNSUBSCRIBE. */
const CLOSE_WITHIN_MS = 2_000;
/** So long without a record, and the gateway has none buffered for us, in ms of real time. */
const IDLE_MS = 20;

const MESSAGE = Buffer.from('message');
const PONG = Buffer.from('pong');
const UNSUBSCRIBED = Buffer.from('unsubscribe');

export interface SubscriptionHandlers {
  /** Records that arrived together, in order. */
  readonly records: (payloads: readonly RespBulk[]) => void;
  /** Something arrived, whatever it was. */
  readonly contact: () => void;
  /** Everything that was published up to `atMs` (epoch ms) was given to `records`. Never goes back. */
  readonly proved: (atMs: number) => void;
}

/** How a subscription ended. */
export type SubscriptionEnd =
  /** We left, and `clean` says whether no record was under way when we did. */
  | { readonly how: 'left'; readonly clean: boolean }
  | { readonly how: 'overflow' }
  | { readonly how: 'failed'; readonly failure: Failure };

interface Pong {
  readonly ping: Ping;
  resolve(answered: boolean): void;
}

/** A subscription that was acknowledged, until its end: takes records, and asks for a sign of life. */
export class Subscription implements RespListener {
  readonly #socket: RespSocket;
  readonly #clock: Clock;
  readonly #context: FailureContext;
  readonly #handlers: SubscriptionHandlers;
  readonly #ended = Promise.withResolvers<SubscriptionEnd>();
  readonly #done = new AbortController();
  /** PINGs that were not answered yet; the gateway answers in order. */
  readonly #pongs: Pong[] = [];
  readonly #idle: NodeJS.Timeout;
  readonly #proof = new ArrivalProof();
  /** Resolves when there is a reason to look up to when everything has arrived. */
  #news = Promise.withResolvers<void>();
  #chunks = 0;
  #messages = 0;
  /** Messages since the socket was last idle. */
  #burst = 0;
  #isIdle = false;
  readonly #onIdle: Array<() => void> = [];
  #leaving: { readonly quiet: boolean; readonly messages: number } | null = null;
  #unsubscribed = false;

  constructor(socket: RespSocket, clock: Clock, context: FailureContext, handlers: SubscriptionHandlers) {
    this.#socket = socket;
    this.#clock = clock;
    this.#context = context;
    this.#handlers = handlers;
    this.#idle = setTimeout(() => {
      const messages = this.#messages;
      // After a moment in which this process did not run, the timer comes first, and what has arrived meanwhile next.
      setImmediate(() => {
        if (this.#messages === messages) this.#rest();
      });
    }, IDLE_MS);
    this.#idle.unref();
  }

  #rest(): void {
    this.#burst = 0;
    this.#isIdle = true;
    for (const wake of this.#onIdle.splice(0)) wake();
  }

  /** Reads until the end; leaves in good order when `signal` aborts. */
  async run(signal: AbortSignal): Promise<SubscriptionEnd> {
    const leave = (): void => void this.#leave();
    signal.addEventListener('abort', leave, { once: true });
    if (signal.aborted) leave();
    void this.#watch(signal);
    void this.#prove(signal);
    this.#socket.listen(this);
    try {
      return await this.#ended.promise;
    } finally {
      clearTimeout(this.#idle);
      signal.removeEventListener('abort', leave);
      this.#done.abort();
      this.#tell();
      for (const pong of this.#pongs.splice(0)) pong.resolve(false);
      this.#socket.destroy();
    }
  }

  values(values: readonly RespValue[]): void {
    this.#chunks += 1;
    // Once we are leaving, the gateway may drop records behind what it still sends: the gap must not begin here.
    if (!this.#leaving) this.#handlers.contact();
    const payloads: RespBulk[] = [];
    let strange: RespValue | null = null;
    const provedBefore = this.#proof.provedMs;
    for (const value of values) {
      const payload = messageOf(value);
      if (payload) {
        payloads.push(payload);
        this.#proof.message();
      } else if (!this.#control(value)) strange = value;
    }
    if (payloads.length > 0) {
      this.#messages += payloads.length;
      this.#burst += payloads.length;
      this.#isIdle = false;
      this.#handlers.records(payloads);
      this.#idle.refresh();
      this.#tell();
    }
    const { provedMs } = this.#proof;
    if (provedMs !== null && provedMs !== provedBefore && !this.#leaving) this.#handlers.proved(provedMs);
    if (strange) {
      const detail =
        strange.kind === 'error' ? strange.text.slice(0, 200) : 'a frame that belongs to no subscription';
      this.#fail({ diagnosis: 'unexpected_answer', detail });
    }
  }

  end(end: SocketEnd): void {
    if (this.#leaving) {
      const { quiet, messages } = this.#leaving;
      const clean = quiet && this.#unsubscribed && messages === this.#messages && !this.#socket.unfinished;
      this.#ended.resolve({ how: 'left', clean });
      return;
    }
    switch (end.how) {
      case 'closed':
        // The gateway closes in order when it threw us out, after it wrote all that it had buffered.
        if (this.#burst >= GATEWAY_BUFFER) this.#ended.resolve({ how: 'overflow' });
        else this.#fail({ diagnosis: 'connection_lost', detail: 'the gateway closed the subscription' });
        return;
      case 'broken':
        this.#fail(explainError(end.error, this.#context));
        return;
      case 'foreign':
        this.#fail(explainBytes(end.fault.bytes, this.#context));
        return;
      case 'ours':
        this.#fail({ diagnosis: 'connection_lost', detail: 'we ended it' });
    }
  }

  #fail(failure: Failure): void {
    this.#ended.resolve({ how: 'failed', failure });
  }

  /** Takes what is no record. False for what has no place here. */
  #control(value: RespValue): boolean {
    if (value.kind === 'simple') return true;
    const kind = value.kind === 'array' ? value.items?.[0] : undefined;
    if (kind?.kind !== 'bulk' || kind.bytes === null) return false;
    if (kind.bytes.equals(PONG)) this.#pong();
    else if (kind.bytes.equals(UNSUBSCRIBED)) this.#unsubscribed = true;
    else return false;
    return true;
  }

  /** Asks for a sign of life every 20 s. A half-open connection would otherwise look like a quiet gateway. */
  async #watch(signal: AbortSignal): Promise<void> {
    const done = AbortSignal.any([this.#done.signal, signal]);
    for (;;) {
      await this.#clock.sleep(PING_EVERY_MS, done);
      if (done.aborted) return;
      const pong = this.#ping();
      for (;;) {
        const before = this.#chunks;
        const answered = await this.#within(PONG_WITHIN_MS, pong);
        if (answered) this.#tell();
        if (answered || done.aborted) break;
        // When our own process was held up, timers come before the bytes that arrived meanwhile: look at those first.
        await turns();
        // Records that keep coming are a sign of life too.
        if (this.#chunks !== before) continue;
        this.#fail({ diagnosis: 'timed_out', detail: `no answer to PING within ${PONG_WITHIN_MS / 1000} s` });
        return;
      }
    }
  }

  /** Looks up to when everything has arrived: at the beginning, soon after a record, and while it is quiet too. */
  async #prove(signal: AbortSignal): Promise<void> {
    const done = AbortSignal.any([this.#done.signal, signal]);
    for (;;) {
      const news = this.#news.promise;
      const before = this.#proof.provedMs;
      while (this.#proof.provedMs === before) {
        await this.#calm(done);
        if (!done.aborted) await this.#ping();
        // Records have begun to come: wait again, and perhaps enough of them prove it.
        if (this.#isIdle && !done.aborted) await this.#ping();
        if (done.aborted) return;
      }
      await news;
      await this.#clock.sleep(PROVE_EVERY_MS, done);
      if (done.aborted) return;
    }
  }

  /**
   * Resolves in a quiet moment, or when there was none for a while although we kept up with reading. A gateway that has
   * thrown us out still writes what it had buffered: a PING that meets its closed end would destroy what is under way.
   */
  async #calm(done: AbortSignal): Promise<void> {
    let busy = 0;
    while (busy < BUSY_SPELLS && !done.aborted) {
      const before = this.#messages;
      const begun = performance.now();
      await delay(CALM_MS, undefined, { signal: done, ref: false }).catch(() => {});
      await turns();
      if (before === this.#messages) return;
      const isLate = performance.now() - begun > CALM_MS + HELD_UP_MS;
      busy = isLate ? 0 : busy + 1;
    }
  }

  #tell(): void {
    this.#news.resolve();
    this.#news = Promise.withResolvers<void>();
  }

  #pong(): void {
    const pong = this.#pongs.shift();
    if (!pong) return;
    this.#proof.pong(pong.ping);
    pong.resolve(true);
  }

  /**
   * CLIProxyAPI tosses a coin between a waiting record and a waiting command, and drops what it has buffered, and what
   * comes until it is done, once it takes UNSUBSCRIBE. So we leave in a quiet moment: no record for a while, and none
   * between a PING and its pong. Where there is no such moment something may be lost, and it is said so.
   */
  async #leave(): Promise<void> {
    const late = AbortSignal.any([AbortSignal.timeout(QUIET_WITHIN_MS), this.#done.signal]);
    let quiet = false;
    while (!quiet && !late.aborted) {
      await this.#whenIdle(late);
      quiet = !late.aborted && (await this.#nothingUnderWay(late)) && this.#isIdle;
    }
    if (!quiet) await this.#instantWithoutRecord();
    if (this.#done.signal.aborted) return;
    this.#leaving = { quiet, messages: this.#messages };
    this.#socket.send('UNSUBSCRIBE', 'usage');
    await aborted(AbortSignal.any([AbortSignal.timeout(CLOSE_WITHIN_MS), this.#done.signal]));
    this.#ended.resolve({ how: 'left', clean: false });
  }

  async #instantWithoutRecord(): Promise<void> {
    for (let look = 0; look < LAST_LOOKS && !this.#done.signal.aborted; look += 1) {
      const late = AbortSignal.any([AbortSignal.timeout(IDLE_MS), this.#done.signal]);
      if (await this.#nothingUnderWay(late)) return;
    }
  }

  async #whenIdle(late: AbortSignal): Promise<void> {
    if (this.#isIdle) return;
    await Promise.race([new Promise<void>((resolve) => this.#onIdle.push(resolve)), aborted(late)]);
  }

  /** Whether no record came between a PING and its pong. */
  async #nothingUnderWay(late: AbortSignal): Promise<boolean> {
    const before = this.#messages;
    const answered = await Promise.race([this.#ping(), aborted(late)]);
    return answered === true && before === this.#messages;
  }

  #ping(): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.#pongs.push({ ping: this.#proof.ping(this.#clock.now()), resolve });
    this.#socket.send('PING');
    return promise;
  }

  async #within(ms: number, pong: Promise<boolean>): Promise<boolean> {
    const answered = new AbortController();
    const late = this.#clock
      .sleep(ms, AbortSignal.any([answered.signal, this.#done.signal]))
      .then(() => false);
    try {
      return await Promise.race([pong, late]);
    } finally {
      answered.abort();
    }
  }
}

/** The payload of `message <channel> <payload>`. */
function messageOf(value: RespValue): RespBulk | null {
  if (value.kind !== 'array' || value.items?.length !== 3) return null;
  const [kind, , payload] = value.items;
  if (kind?.kind !== 'bulk' || kind.bytes === null || !kind.bytes.equals(MESSAGE)) return null;
  return payload?.kind === 'bulk' && payload.bytes !== null ? payload : null;
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

/** Lets the event loop read what has arrived: the check phase follows the poll phase, once for each turn. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 2; turn += 1) await new Promise<void>((resolve) => setImmediate(resolve));
}
