/** What of an event the figures of a day are made from, in the order of a row. Counts, nano-USD and ms. */
export type DayRow = readonly [
  id: number,
  timestampMs: number,
  modelId: number,
  credentialId: number | null,
  providerId: number | null,
  failed: number,
  uncachedInput: number,
  cacheRead: number,
  cacheWrite5m: number,
  cacheWrite1h: number,
  output: number,
  reasoning: number,
  costNano: number | null,
  latencyMs: number | null,
];

export const POINT_MS = 600_000;
/** Points of ten minutes in 24 hours. What a longer day has behind them is only in its sums. */
export const POINTS = 144;

/** So many of the newest failures are known by their ids. */
export const FAILURES_KEPT = 1000;

export interface Figures {
  calls: number;
  failures: number;
  tokens: number;
  costNano: number;
  latencySumMs: number;
  /** Calls with a latency other than 0. */
  latencyCount: number;
  lastSeenMs: number;
}

export interface Channel extends Figures {
  readonly credentialId: number | null;
  readonly providerId: number | null;
}

export interface DaySums extends Figures {
  unpriced: number;
  /** Successful calls without tokens. */
  zeroTokens: number;
  uncachedInput: number;
  cacheRead: number;
  cacheWrite: number;
  output: number;
  reasoning: number;
}

export interface FailureRef {
  readonly id: number;
  readonly timestampMs: number;
}

const none = (): Figures => ({
  calls: 0,
  failures: 0,
  tokens: 0,
  costNano: 0,
  latencySumMs: 0,
  latencyCount: 0,
  lastSeenMs: 0,
});

/** Newest first, as lists are. */
const newestFirst = (a: FailureRef, b: FailureRef): number => b.timestampMs - a.timestampMs || b.id - a.id;

/** The sums of a day, taken up event by event in any order. */
export class DayFigures {
  readonly startMs: number;
  readonly sums: DaySums = {
    ...none(),
    unpriced: 0,
    zeroTokens: 0,
    uncachedInput: 0,
    cacheRead: 0,
    cacheWrite: 0,
    output: 0,
    reasoning: 0,
  };
  /** By the id of the model. */
  readonly models = new Map<number, Figures>();
  readonly channels = new Map<string, Channel>();
  readonly pointCalls = new Float64Array(POINTS);
  readonly pointTokens = new Float64Array(POINTS);
  readonly pointFailures = new Float64Array(POINTS);
  #failures: FailureRef[] = [];

  constructor(startMs: number) {
    this.startMs = startMs;
  }

  /** Another one with the same figures. */
  copy(): DayFigures {
    const copy = new DayFigures(this.startMs);
    Object.assign(copy.sums, this.sums);
    for (const [id, figures] of this.models) copy.models.set(id, { ...figures });
    for (const [key, channel] of this.channels) copy.channels.set(key, { ...channel });
    copy.pointCalls.set(this.pointCalls);
    copy.pointTokens.set(this.pointTokens);
    copy.pointFailures.set(this.pointFailures);
    copy.#failures = this.#failures.slice();
    return copy;
  }

  /** The newest failures, newest first; at most {@link FAILURES_KEPT}. */
  failures(limit: number): FailureRef[] {
    return this.#failures.toSorted(newestFirst).slice(0, Math.min(limit, FAILURES_KEPT));
  }

  add(row: DayRow): void {
    const [id, timestampMs, modelId, credentialId, providerId, failed, uncached, read, write5m, write1h] =
      row;
    const [, , , , , , , , , , output, reasoning, costNano] = row;
    const tokens = uncached + read + write5m + write1h + output;
    const { sums } = this;
    addTo(sums, row, tokens);
    if (costNano === null) sums.unpriced += 1;
    if (tokens === 0 && failed === 0) sums.zeroTokens += 1;
    sums.uncachedInput += uncached;
    sums.cacheRead += read;
    sums.cacheWrite += write5m + write1h;
    sums.output += output;
    sums.reasoning += reasoning;

    let model = this.models.get(modelId);
    if (model === undefined) this.models.set(modelId, (model = none()));
    addTo(model, row, tokens);
    const key = `${credentialId}/${providerId}`;
    let channel = this.channels.get(key);
    if (channel === undefined) this.channels.set(key, (channel = { ...none(), credentialId, providerId }));
    addTo(channel, row, tokens);

    const point = Math.floor((timestampMs - this.startMs) / POINT_MS);
    if (point < POINTS) {
      this.pointCalls[point] = (this.pointCalls[point] ?? 0) + 1;
      this.pointTokens[point] = (this.pointTokens[point] ?? 0) + tokens;
      this.pointFailures[point] = (this.pointFailures[point] ?? 0) + failed;
    }
    if (failed === 1) this.#addFailure({ id, timestampMs });
  }

  #addFailure(failure: FailureRef): void {
    this.#failures.push(failure);
    if (this.#failures.length < 2 * FAILURES_KEPT) return;
    this.#failures.sort(newestFirst);
    this.#failures.length = FAILURES_KEPT;
  }
}

function addTo(figures: Figures, row: DayRow, tokens: number): void {
  const timestampMs = row[1];
  const costNano = row[12];
  const latencyMs = row[13];
  figures.calls += 1;
  figures.failures += row[5];
  figures.tokens += tokens;
  figures.costNano += costNano ?? 0;
  if (latencyMs !== null && latencyMs !== 0) {
    figures.latencySumMs += latencyMs;
    figures.latencyCount += 1;
  }
  if (timestampMs > figures.lastSeenMs) figures.lastSeenMs = timestampMs;
}
