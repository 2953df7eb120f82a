import type { Figures } from './day-figures.ts';

export const usd = (nano: number): number => nano / 1e9;
export const ratio = (part: number, whole: number): number => (whole > 0 ? part / whole : 0);
export const averageLatency = ({ latencySumMs, latencyCount }: Figures): number | null =>
  latencyCount === 0 ? null : latencySumMs / latencyCount;
export const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
