import { AppError } from './errors.ts';

/** A date and a time of day on the clocks of some zone. Fields beyond their range carry over: day 32 is in the next month. */
export interface WallTime {
  readonly year: number;
  /** 1..12. */
  readonly month: number;
  readonly day: number;
  readonly hour?: number;
  readonly minute?: number;
  readonly second?: number;
  readonly ms?: number;
}

/** The calendar and the clocks of an IANA time zone, exact over changes of its offset. */
export class Zone {
  /** As it was given; `UTC`, `Europe/Berlin`. */
  readonly name: string;
  readonly #format: Intl.DateTimeFormat;

  /** Throws `invalid_time_zone` for a name that the system's zone data does not know. */
  constructor(name: string) {
    try {
      this.#format = new Intl.DateTimeFormat('en-US', {
        timeZone: name,
        calendar: 'iso8601',
        numberingSystem: 'latn',
        hourCycle: 'h23',
        year: 'numeric',
        month: 'numeric',
        day: 'numeric',
        hour: 'numeric',
        minute: 'numeric',
        second: 'numeric',
      });
    } catch (cause) {
      throw new AppError('invalid_time_zone', { detail: name, cause });
    }
    this.name = name;
  }

  /** What the clocks show at an instant, in epoch ms. */
  wallTime(atMs: number): Required<WallTime> {
    const parts = new Map(this.#format.formatToParts(atMs).map(({ type, value }) => [type, Number(value)]));
    const of = (type: Intl.DateTimeFormatPartTypes): number => parts.get(type) ?? 0;
    return {
      year: of('year'),
      month: of('month'),
      day: of('day'),
      hour: of('hour'),
      minute: of('minute'),
      second: of('second'),
      ms: ((atMs % 1000) + 1000) % 1000,
    };
  }

  /**
   * The first instant at which the clocks show this, in epoch ms. When they go back it comes twice, and the first counts;
   * when they go forward over it, it is the instant of that change: a day that has no midnight begins there.
   */
  instantOf(wall: WallTime): number {
    const wanted = plainMs(wall);
    // Offsets a day before and after hold every change nearby: no zone changes twice within two days.
    const before = wanted - this.#offsetMs(wanted - DAY_MS);
    const after = wanted - this.#offsetMs(wanted + DAY_MS);
    if (before === after) return before;
    const fits = [before, after].filter((at) => at + this.#offsetMs(at) === wanted);
    if (fits.length > 0) return Math.min(...fits);
    return this.#changeBetween(Math.min(before, after), Math.max(before, after));
  }

  /** How far the clocks are ahead of UTC. */
  #offsetMs(atMs: number): number {
    return plainMs(this.wallTime(atMs)) - atMs;
  }

  /** The first instant with the later offset, to the millisecond. */
  #changeBetween(fromMs: number, toMs: number): number {
    const old = this.#offsetMs(fromMs);
    let [low, high] = [fromMs, toMs];
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (this.#offsetMs(middle) === old) low = middle;
      else high = middle;
    }
    return high;
  }
}

export const DAY_MS = 86_400_000;

/** The fields as if they were UTC. */
function plainMs({ year, month, day, hour = 0, minute = 0, second = 0, ms = 0 }: WallTime): number {
  return Date.UTC(year, month - 1, day, hour, minute, second, ms);
}
