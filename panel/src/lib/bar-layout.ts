export interface BarBox {
  readonly x: number;
  readonly width: number;
  /** In the order of the values, from below. */
  readonly parts: ReadonlyArray<{ readonly y: number; readonly height: number }>;
}

/** The next of 1, 2, 4, 6, 8 and 10 times a power of ten, since half of it is written too. 1 is 2: there is no half call. */
export function axisTop(highest: number): number {
  if (highest <= 0 || highest === 1) return 2;
  const power = 10 ** Math.floor(Math.log10(highest));
  const step = [1, 2, 4, 6, 8, 10].find((one) => one * power >= highest) ?? 10;
  return step * power;
}

/**
 * Places stacked bars side by side on whole pixels, from the left at 0, the axis' `top` at y = 0. A value that is not
 * nothing is at least a pixel high.
 */
export function stackBars(
  bars: ReadonlyArray<readonly number[]>,
  { width, height, top }: { readonly width: number; readonly height: number; readonly top: number },
): readonly BarBox[] {
  if (width <= 0) return [];
  const slot = width / Math.max(bars.length, 1);
  const gap = slot >= 12 ? 3 : slot >= 4 ? 1 : 0;
  return bars.map((values, index) => {
    const x = Math.round(index * slot) + Math.floor(gap / 2);
    const end = Math.round((index + 1) * slot) - Math.ceil(gap / 2);
    let base = height;
    const parts = values.map((value) => {
      const tall = value > 0 ? Math.min(Math.max(1, Math.round((value / top) * height)), base) : 0;
      base -= tall;
      return { y: base, height: tall };
    });
    return { x, width: Math.max(end - x, 1), parts };
  });
}
