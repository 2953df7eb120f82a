import type { Clock } from '../../lib/contract/clock.ts';
import type { CollectorMode, TransportName } from '../../lib/contract/record.ts';
import type { DiagnosisCode, GapCause, Sink, Transport, TransportEnd } from '../../lib/contract/transport.ts';
import { Backoff } from './backoff.ts';

/** What `auto` tries, best first. */
const LADDER: readonly TransportName[] = ['subscribe', 'http', 'resp'];
/** A run that was healthy for this long starts the pauses from the beginning. */
const HEALTHY_AFTER_MS = 60_000;
/** How often `auto` tries the step above the one it stands on. */
const CLIMB_EVERY_MS = 10 * 60_000;
/** A refusal that is no strike (remote management off, no key set) is looked at again after this pause. */
const HARMLESS_REFUSAL_MS = 60_000;
const STOPPED_PAUSE_MS = 1_000;

export type SupervisorState = 'stopped' | 'starting' | 'running' | 'error';

export interface SupervisorStatus {
  readonly state: SupervisorState;
  /** The transport at work or being tried; null while stopped. */
  readonly transport: TransportName | null;
  /** What the last run that did not end well found; null once a transport is ready. */
  readonly trouble: { readonly code: DiagnosisCode; readonly detail: string } | null;
}

export interface SupervisorOptions {
  readonly mode: CollectorMode;
  readonly clock: Clock;
  readonly createTransport: (name: TransportName) => Transport;
  readonly sink: Sink;
  readonly random?: () => number;
  readonly onContact: () => void;
  readonly onComplete: (atMs: number) => void;
  readonly onReady: (name: TransportName) => void;
  readonly onLost: (cause: GapCause, estimate: number | null, detail: string) => void;
  /** Why nothing will be taken for a while, should the gateway forget records meanwhile. */
  readonly onAway: (cause: GapCause) => void;
  readonly onStatus: (status: SupervisorStatus) => void;
  /** How long a refused key is not to be tried, in ms. */
  readonly refusalPauseMs: () => number;
}

interface Run {
  readonly name: TransportName;
  readonly abort: AbortController;
  /** Resolves when the transport is ready, or never. */
  readonly ready: Promise<void>;
  readonly ended: Promise<TransportEnd>;
}

/** Keeps one transport running: retries, steps down and up, and stops where trying again would do harm. */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #steps: readonly TransportName[];
  readonly #backoff: Backoff;
  readonly #stopping = new AbortController();
  #nudge = new AbortController();
  #climbNow = new AbortController();
  #status: SupervisorStatus = { state: 'stopped', transport: null, trouble: null };
  #readyAt: number | null = null;
  #step = 0;
  #loop: Promise<void> | null = null;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#steps = options.mode === 'auto' ? LADDER : [options.mode];
    this.#backoff = new Backoff(options.random);
  }

  get status(): SupervisorStatus {
    return this.#status;
  }

  start(): void {
    this.#loop ??= this.#supervise();
  }

  /** Ends the run in good order; resolves when everything it had taken is with the sink. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#nudge.abort();
    this.#climbNow.abort();
    await this.#loop;
  }

  /** A person asks to try again, or what was wrong has changed: ends a pause, also that of a refusal. */
  tryAgain(): void {
    this.#nudge.abort();
    this.#nudge = new AbortController();
  }

  /** The gateway's version changed: `auto` looks at once whether a better way works now. */
  gatewayChanged(): void {
    this.#climbNow.abort();
    this.#climbNow = new AbortController();
    this.tryAgain();
  }

  async #supervise(): Promise<void> {
    let run: Run | null = null;
    while (!this.#stopping.signal.aborted) {
      run ??= this.#start(this.#currentStep());
      const outcome: { end: TransportEnd } | { better: Run } = await this.#watch(run);
      if ('better' in outcome) {
        run = outcome.better;
        continue;
      }
      run = null;
      // A transport that was told `stop` by the inbox ends without fault; whoever reads the inbox's state stops us.
      if (outcome.end.kind === 'stopped')
        await this.#options.clock.sleep(STOPPED_PAUSE_MS, this.#stopping.signal);
      else await this.#recover(outcome.end);
    }
    // An end right after a step upwards: the run that took over has to end in order too.
    if (run) {
      run.abort.abort();
      await run.ended;
    }
    this.#set({ state: 'stopped', transport: null, trouble: null });
  }

  #currentStep(): TransportName {
    return this.#steps[this.#step] ?? LADDER[0]!;
  }

  #start(name: TransportName): Run {
    this.#set({ state: 'starting', transport: name });
    return this.#begin(name);
  }

  #begin(name: TransportName): Run {
    const abort = new AbortController();
    const stop = (): void => abort.abort();
    this.#stopping.signal.addEventListener('abort', stop, { once: true });
    if (this.#stopping.signal.aborted) stop();
    const isReady = Promise.withResolvers<void>();
    const events = {
      ready: () => {
        this.#readyAt = this.#options.clock.monotonic();
        this.#set({ state: 'running', transport: name, trouble: null });
        this.#options.onReady(name);
        isReady.resolve();
      },
      contact: () => this.#options.onContact(),
      complete: (atMs: number) => this.#options.onComplete(atMs),
      lost: (loss: { cause: GapCause; estimate: number | null; detail: string }) =>
        this.#options.onLost(loss.cause, loss.estimate, loss.detail),
    };
    const ended = this.#options
      .createTransport(name)
      .run(this.#options.sink, events, abort.signal)
      .catch((error: unknown): TransportEnd => ({
        kind: 'protocol',
        diagnosis: 'unexpected_answer',
        detail: error instanceof Error ? error.message : String(error),
      }))
      .finally(() => this.#stopping.signal.removeEventListener('abort', stop));
    return { name, abort, ready: isReady.promise, ended };
  }

  /** Waits for the run's end; on a lower step it also looks upwards from time to time. */
  async #watch(run: Run): Promise<{ end: TransportEnd } | { better: Run }> {
    const end = run.ended.then((value) => ({ end: value }));
    while (this.#step > 0) {
      const done = new AbortController();
      const pause = this.#options.clock.sleep(
        CLIMB_EVERY_MS,
        AbortSignal.any([done.signal, this.#climbNow.signal, this.#stopping.signal]),
      );
      const first = await Promise.race([end, pause.then(() => null)]);
      done.abort();
      if (first) return first;
      if (this.#stopping.signal.aborted) break;
      const better = await this.#climb(run);
      if (better) return { better };
    }
    return end;
  }

  /**
   * Tries the step above while the present run goes on, so that nothing is missed in between: while both are at work,
   * a record reaches exactly one of them.
   */
  async #climb(run: Run): Promise<Run | null> {
    const name = this.#steps[this.#step - 1];
    if (name === undefined) return null;
    const candidate = this.#begin(name);
    const works = await Promise.race([candidate.ready.then(() => true), candidate.ended.then(() => false)]);
    if (!works) return null;
    this.#step -= 1;
    run.abort.abort();
    await run.ended;
    return candidate;
  }

  async #recover(end: Exclude<TransportEnd, { kind: 'stopped' }>): Promise<void> {
    const { clock } = this.#options;
    if (this.#readyAt !== null && clock.monotonic() - this.#readyAt >= HEALTHY_AFTER_MS)
      this.#backoff.reset();
    this.#readyAt = null;
    const trouble = { code: end.diagnosis, detail: end.detail };
    const transport = this.#currentStep();
    if (end.kind === 'unsupported' && this.#step + 1 < this.#steps.length) {
      this.#step += 1;
      this.#set({ state: 'starting', transport: this.#currentStep(), trouble: null });
      return;
    }
    this.#set({ state: 'error', transport, trouble });
    this.#options.onAway('unreachable');
    const wake = AbortSignal.any([this.#nudge.signal, this.#stopping.signal]);
    if (end.kind === 'refused') {
      const strike = end.diagnosis === 'key_refused' || end.diagnosis === 'banned';
      await clock.sleep(strike ? this.#options.refusalPauseMs() : HARMLESS_REFUSAL_MS, wake);
      return;
    }
    if (end.kind === 'unsupported') this.#step = 0;
    await clock.sleep(this.#backoff.next(), wake);
  }

  #set(status: {
    state: SupervisorState;
    transport: TransportName | null;
    trouble?: SupervisorStatus['trouble'];
  }): void {
    this.#status = {
      ...status,
      trouble: status.trouble === undefined ? this.#status.trouble : status.trouble,
    };
    this.#options.onStatus(this.#status);
  }
}
