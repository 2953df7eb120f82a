import {
  css,
  html,
  nothing,
  svg,
  type PropertyDeclarations,
  type SVGTemplateResult,
  type TemplateResult,
} from 'lit';
import { compact, count } from '../../lib/format.ts';
import { axisTop, HOUR_MS, type Hour, type Metric } from './day.ts';
import { percentOf, TimeChart } from './time-chart.ts';
import { dashboard } from './texts.ts';

const HEIGHT = 140;
const AXIS = 22;
/** Of a column, to each side. */
const MARGIN = 0.14;

/** `<dash-hours .hours .metric>`: what each hour of the day brought, with what failed on top. */
export class HourBars extends TimeChart {
  static override properties: PropertyDeclarations = {
    hours: { attribute: false },
    metric: { type: String },
  };
  declare hours: readonly Hour[];
  declare metric: Metric;

  constructor() {
    super();
    this.hours = [];
    this.metric = 'calls';
  }

  protected get size(): number {
    return this.hours.length;
  }

  protected stepOf(key: string): number | null {
    const steps: Readonly<Record<string, number>> = {
      ArrowLeft: -1,
      ArrowDown: -1,
      ArrowRight: 1,
      ArrowUp: 1,
      PageDown: -6,
      PageUp: 6,
    };
    return steps[key] ?? null;
  }

  protected indexAt(x: number): number {
    return Math.floor(x * this.size);
  }

  protected anchorOf(index: number): { readonly x: number; readonly y: number } {
    return { x: (index + 0.5) / this.size, y: this.#y(this.#valueOf(this.hours[index])) };
  }

  protected spanOf(index: number): { readonly fromMs: number; readonly toMs: number } {
    const fromMs = this.startMs + index * HOUR_MS;
    return { fromMs, toMs: fromMs + HOUR_MS };
  }

  protected label(): string {
    return dashboard.t(this.metric === 'calls' ? 'chartCalls' : 'chartTokens');
  }

  protected reading(index: number): readonly string[] {
    const hour = this.hours[index];
    if (!hour) return [];
    const calls = dashboard.t('nRequests', { n: hour.calls });
    const failed = hour.failure > 0 ? [dashboard.t('nFailed', { n: hour.failure })] : [];
    const tokens = dashboard.t('someTokens', { tokens: compact(hour.tokens) });
    return this.metric === 'calls' ? [calls, ...failed, tokens] : [tokens, calls, ...failed];
  }

  get #top(): number {
    return axisTop(Math.max(0, ...this.hours.map((hour) => this.#valueOf(hour))));
  }

  #valueOf(hour: Hour | undefined): number {
    return hour?.[this.metric] ?? 0;
  }

  #y(value: number): number {
    return HEIGHT - Math.round((value / this.#top) * HEIGHT);
  }

  protected picture(): TemplateResult {
    const half = this.#top / 2;
    return html`<svg height=${HEIGHT + AXIS} aria-hidden="true">
      ${this.hatch()} ${this.#line(this.#top)} ${Number.isInteger(half) ? this.#line(half) : nothing}
      ${this.#line(0)} ${this.hours.map((hour, index) => this.#bar(hour, index))} ${this.marks(HEIGHT)}
      ${this.axis(HEIGHT + 17)}
    </svg>`;
  }

  #line(value: number): SVGTemplateResult {
    const y = this.#y(value) + 0.5;
    return svg`<line class="grid" x2="100%" y1=${y} y2=${y}></line>
      <text class="scale" x="-8" y=${y + 4}>${value < 1000 ? count(value) : compact(value)}</text>`;
  }

  #bar(hour: Hour, index: number): SVGTemplateResult {
    const { size } = this;
    const x = percentOf((index + MARGIN) / size);
    const width = percentOf((1 - 2 * MARGIN) / size);
    const whole = this.#valueOf(hour);
    const failed = this.metric === 'calls' ? hour.failure : 0;
    const top = Math.min(this.#y(whole), whole > 0 ? HEIGHT - 1 : HEIGHT);
    // What failed is never too little to be seen.
    const cut = failed > 0 ? Math.max(2, this.#y(0) - this.#y(failed)) : 0;
    const space = cut > 0 && cut < HEIGHT - top ? 1 : 0;
    return svg`${
      index === this.at
        ? svg`<rect class="column" x=${percentOf(index / size)} width=${percentOf(1 / size)} height=${HEIGHT}></rect>`
        : nothing
    }
    <rect class="done" x=${x} width=${width} y=${top + cut + space} height=${Math.max(0, HEIGHT - top - cut - space)}></rect>
    <rect class="failed" x=${x} width=${width} y=${Math.min(top, HEIGHT - cut)} height=${cut}></rect>`;
  }

  static override styles = [
    TimeChart.styles,
    css`
      .grid {
        stroke: var(--line);
      }
      .scale {
        text-anchor: end;
      }
      .column {
        fill: var(--press);
      }
      .done {
        fill: var(--series-1);
      }
      .failed {
        fill: var(--series-bad);
      }
      @media (max-width: 760px) {
        .second {
          display: none;
        }
      }
    `,
  ];
}

customElements.define('dash-hours', HourBars);
