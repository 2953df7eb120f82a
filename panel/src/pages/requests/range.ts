/** Ranges that move with the clock. `7d` is today and the six calendar days before it. */
export const PRESETS = ['1h', 'today', '7d'] as const;
export type Preset = (typeof PRESETS)[number];

const HOUR_MS = 3_600_000;
const DAYS_BEFORE: Readonly<Record<Exclude<Preset, '1h'>, number>> = { today: 0, '7d': 6 };

export function presetOf(text: string | null): Preset | null {
  return PRESETS.find((one) => one === text) ?? null;
}

/** Where a preset begins, epoch ms. Days are those of the calendar here: some have 23 or 25 hours. */
export function presetFrom(preset: Preset, nowMs: number): number {
  if (preset === '1h') return nowMs - HOUR_MS;
  const now = new Date(nowMs);
  return new Date(now.getFullYear(), now.getMonth(), now.getDate() - DAYS_BEFORE[preset]).getTime();
}

/** Local time as `<input type="datetime-local">` wants it, to the second. */
export function toLocalInput(ms: number): string {
  const at = new Date(ms);
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${day}T${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

/** Epoch ms of such a value; null when there is none. */
export function fromLocalInput(text: string): number | null {
  const ms = text === '' ? Number.NaN : new Date(text).getTime();
  return Number.isFinite(ms) && ms >= 0 ? ms : null;
}
