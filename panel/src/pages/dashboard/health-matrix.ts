import {
  css,
  html,
  nothing,
  svg,
  type PropertyDeclarations,
  type SVGTemplateResult,
  type TemplateResult,
} from 'lit';
import { percent } from '../../lib/format.ts';
import { inGap, type Point } from './day.ts';
import { percentOf, TimeChart } from './time-chart.ts';
import { dashboard } from './texts.ts';

const ROWS = 6;
const CELL = 12;
const PITCH = 15;
const HEIGHT = ROWS * PITCH - (PITCH - CELL);
/** Of a column, to each side. */
const MARGIN = 0.06;
const TEN_MINUTES_MS = 600_000;

/** The picture within a cell: each tone has a shape of its own, so that colour only repeats it. */
const MARKS: Partial<Record<Point['tone'], SVGTemplateResult>> = {
  bad: svg`<path class="mark" d="M-3-3 3 3M3-3-3 3"></path>`,
  warn: svg`<path class="mark some" d="M-3.5 0h7"></path>`,
  future: svg`<circle class="dot" r="1.25"></circle>`,
};

export const cellMark = (tone: Point['tone']): SVGTemplateResult | typeof nothing => MARKS[tone] ?? nothing;

/** The looks of cells, for the legend as well. */
export const cellStyles = css`
  .cell.empty {
    fill: var(--sunken);
    stroke: var(--line);
  }
  .cell.good {
    fill: color-mix(in srgb, var(--series-1) 38%, var(--surface));
  }
  .cell.good.some {
    fill: color-mix(in srgb, var(--series-1) 65%, var(--surface));
  }
  .cell.good.much {
    fill: var(--series-1);
  }
  .cell.warn {
    fill: color-mix(in srgb, var(--series-3) 42%, var(--surface));
  }
  .cell.bad {
    fill: var(--series-bad);
  }
  .mark {
    fill: none;
    stroke: var(--surface);
    stroke-width: 1.75;
    stroke-linecap: round;
  }
  .mark.some {
    stroke: var(--warn);
  }
`;

/** `<dash-health .points>`: ten minutes a cell, an hour a column: when it went well, and when not. */
export class HealthMatrix extends TimeChart {
  static override properties: PropertyDeclarations = { points: { attribute: false } };
  declare points: readonly Point[];

  constructor() {
    super();
    this.points = [];
  }

  protected get size(): number {
    return this.points.length;
  }

  get #columns(): number {
    return Math.max(1, this.size / ROWS);
  }

  protected stepOf(key: string): number | null {
    const steps: Readonly<Record<string, number>> = {
      ArrowUp: -1,
      ArrowDown: 1,
      ArrowLeft: -ROWS,
      ArrowRight: ROWS,
      PageUp: -ROWS * 6,
      PageDown: ROWS * 6,
    };
    return steps[key] ?? null;
  }

  protected indexAt(x: number, y: number): number {
    return Math.floor(x * this.#columns) * ROWS + Math.floor(y * ROWS);
  }

  protected anchorOf(index: number): { readonly x: number; readonly y: number } {
    return { x: (Math.floor(index / ROWS) + 0.5) / this.#columns, y: (index % ROWS) * PITCH };
  }

  protected spanOf(index: number): { readonly fromMs: number; readonly toMs: number } {
    const fromMs = this.startMs + index * TEN_MINUTES_MS;
    return { fromMs, toMs: fromMs + TEN_MINUTES_MS };
  }

  protected label(): string {
    return dashboard.t('chartHealth');
  }

  protected reading(index: number): readonly string[] {
    const point = this.points[index];
    if (!point || point.calls === 0) return [dashboard.t('noRequests')];
    const calls = dashboard.t('nRequests', { n: point.calls });
    if (point.failure === 0) return [calls, dashboard.t('noneFailed')];
    return [calls, dashboard.t('nFailedRate', { n: point.failure, rate: percent(point.failure_rate) })];
  }

  protected picture(): TemplateResult {
    return html`<svg height=${HEIGHT} aria-hidden="true">
      ${this.hatch()} ${this.points.map((point, index) => this.#cell(point, index))}
    </svg>`;
  }

  #cell(point: Point, index: number): SVGTemplateResult {
    const column = Math.floor(index / ROWS);
    const y = (index % ROWS) * PITCH;
    const x = percentOf((column + MARGIN) / this.#columns);
    const width = percentOf((1 - 2 * MARGIN) / this.#columns);
    const { fromMs, toMs } = this.spanOf(index);
    const missing = !point.future && inGap(this.gaps, fromMs, toMs, this.nowMs);
    const box = (look: string, fill?: string): SVGTemplateResult =>
      svg`<rect class=${look} x=${x} y=${y} width=${width} height=${CELL} rx="2" fill=${fill ?? nothing}></rect>`;
    return svg`${point.future ? nothing : box(`cell ${point.tone} ${this.#volume(point)}`)}
      ${missing ? box('', 'url(#hatch)') : nothing}
      ${index === this.at ? box('read') : nothing}
      <svg x=${percentOf((column + 0.5) / this.#columns)} y=${y + CELL / 2}>${cellMark(point.tone)}</svg>`;
  }

  /** Much, some or little; of the root, because requests come in bursts. */
  #volume({ intensity }: Point): string {
    const root = Math.sqrt(intensity);
    return root > 0.66 ? 'much' : root > 0.33 ? 'some' : 'little';
  }

  static override styles = [
    TimeChart.styles,
    cellStyles,
    css`
      .dot {
        fill: var(--line-strong);
      }
      .read {
        fill: none;
        stroke: var(--text);
        stroke-width: 2;
      }
    `,
  ];
}

customElements.define('dash-health', HealthMatrix);
