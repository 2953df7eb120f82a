import { keep, language, type Language } from '../i18n/i18n.ts';

const MS = { second: 1000, minute: 60_000, hour: 3_600_000, day: 86_400_000 } as const;
const NONE = '–';

// K, M and B in every language: that is how models, prices and limits are spoken of.
const compactFormat = new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 });
const integer = keep((one: Language) => new Intl.NumberFormat(one, { maximumFractionDigits: 0 }));
const dollars = keep(
  (digits: number) =>
    new Intl.NumberFormat('en', {
      style: 'currency',
      currency: 'USD',
      minimumFractionDigits: 2,
      maximumFractionDigits: digits,
    }),
);
const percentFormat = keep(
  (one: Language) =>
    new Intl.NumberFormat(one, { style: 'percent', minimumFractionDigits: 0, maximumFractionDigits: 1 }),
);
const dateTimeFormat = keep(
  (one: Language) =>
    new Intl.DateTimeFormat(one, {
      year: 'numeric',
      month: 'short',
      day: 'numeric',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
      hourCycle: 'h23',
    }),
);
const dayTimeFormat = keep(
  (one: Language) =>
    new Intl.DateTimeFormat(one, {
      month: 'short',
      day: 'numeric',
      hour: '2-digit',
      minute: '2-digit',
      hourCycle: 'h23',
    }),
);
const timeFormat = keep(
  (one: Language) =>
    new Intl.DateTimeFormat(one, {
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
      hourCycle: 'h23',
    }),
);
const hourFormat = keep(
  (one: Language) => new Intl.DateTimeFormat(one, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }),
);
const relativeFormat = keep((one: Language) => new Intl.RelativeTimeFormat(one, { style: 'narrow' }));

const UNITS: Readonly<Record<Language, { minute: string; hour: string; day: string }>> = {
  en: { minute: 'min', hour: 'h', day: 'd' },
  'zh-CN': { minute: '分', hour: '小时', day: '天' },
};

/** `1,234,567`. */
export function count(value: number): string {
  return integer(language.value).format(value);
}

/** `1.23M`. */
export function compact(value: number): string {
  return compactFormat.format(value);
}

/** A fraction 0..1 as `98.7%`. What is not quite all or nothing is not rounded to 100% or 0%. */
export function percent(fraction: number): string {
  const inside = fraction > 0 && fraction < 1 ? Math.min(Math.max(fraction, 0.001), 0.999) : fraction;
  return percentFormat(language.value).format(inside);
}

/** Dollars with as many digits as say something: `$1,234.50`, `$0.0123`, `$0.000042`. */
export function usd(value: number): string {
  const size = Math.abs(value);
  if (size === 0 || size >= 1) return dollars(2).format(value);
  const zeros = -Math.floor(Math.log10(size)) - 1;
  return dollars(Math.min(zeros + (size < 0.01 ? 2 : 3), 12)).format(value);
}

/** Integer nano-USD; null: there was no price. */
export function nanoUsd(value: number | null): string {
  return value === null ? NONE : usd(value / 1e9);
}

/** Milliseconds, cut to what is shown: `840 ms`, `3.2 s`, `1 min 12 s`, `2 h 5 min`, `3 d 4 h`; null: a dash. */
export function duration(ms: number | null): string {
  if (ms === null) return NONE;
  if (ms < MS.second) return `${Math.floor(ms)} ms`;
  if (ms < 10 * MS.second) return `${(Math.floor(ms / 100) / 10).toFixed(1)} s`;
  const unit = UNITS[language.value];
  if (ms < MS.minute) return `${Math.floor(ms / MS.second)} s`;
  if (ms < MS.hour) return two(ms, MS.minute, unit.minute, MS.second, 's');
  if (ms < MS.day) return two(ms, MS.hour, unit.hour, MS.minute, unit.minute);
  return two(ms, MS.day, unit.day, MS.hour, unit.hour);
}

function two(ms: number, big: number, bigName: string, small: number, smallName: string): string {
  const rest = Math.floor((ms % big) / small);
  return `${Math.floor(ms / big)} ${bigName}${rest > 0 ? ` ${rest} ${smallName}` : ''}`;
}

/** `12s ago`, `in 3 min`. The unit is the biggest that fits. */
export function ago(atMs: number, nowMs: number): string {
  const ms = atMs - nowMs;
  const size = Math.abs(ms);
  const format = relativeFormat(language.value);
  if (size < MS.minute) return format.format(Math.trunc(ms / MS.second), 'second');
  if (size < MS.hour) return format.format(Math.trunc(ms / MS.minute), 'minute');
  if (size < MS.day) return format.format(Math.trunc(ms / MS.hour), 'hour');
  return format.format(Math.trunc(ms / MS.day), 'day');
}

/** Local date and time, to the second. */
export function dateTime(ms: number): string {
  return dateTimeFormat(language.value).format(ms);
}

/** Local time of today, else with the day. */
export function moment(ms: number, nowMs: number): string {
  const today = new Date(ms).toDateString() === new Date(nowMs).toDateString();
  return (today ? timeFormat : dayTimeFormat)(language.value).format(ms);
}

/** Local hour and minute. */
export function clockTime(ms: number): string {
  return hourFormat(language.value).format(ms);
}

/** Bytes in KiB, MiB, GiB. */
export function bytes(value: number): string {
  const names = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const step = value < 1024 ? 0 : Math.min(Math.floor(Math.log2(value) / 10), names.length - 1);
  const scaled = value / 1024 ** step;
  return `${step > 0 && scaled < 100 ? scaled.toFixed(1) : Math.round(scaled)} ${names[step] ?? ''}`;
}
