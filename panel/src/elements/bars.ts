import { css, html, nothing, svg, type PropertyValues, type TemplateResult } from 'lit';
import { common } from '../i18n/common.ts';
import { compact } from '../lib/format.ts';
import { axisTop, stackBars } from '../lib/bar-layout.ts';
import { CpElement } from './element.ts';
import { icon } from './icon.ts';
import { setStyle } from './set-style.ts';

export interface BarSeries {
  readonly name: string;
  /** A token of a colour: `--series-1`, `--series-bad`. */
  readonly color: string;
}

export interface Bar {
  /** On the axis, short. */
  readonly label: string;
  /** In full, for the reading and the table. */
  readonly title: string;
  /** One for each series, stacked from below. */
  readonly values: readonly number[];
  /** Not over yet, or still to come: drawn faintly. */
  readonly open?: boolean;
}

const AXIS = 44;
const FOOT = 22;
const HEAD = 8;

/**
 * `<cp-bars label .bars .series .format @pick>`: stacked bars over time. Pointer, touch and arrow keys read single
 * bars; the same figures are a table on demand. `pick` is a CustomEvent with the index of the bar that was pressed.
 */
export class Bars extends CpElement {
  static override properties = {
    label: { type: String },
    bars: { attribute: false },
    series: { attribute: false },
    format: { attribute: false },
    height: { type: Number },
    pickable: { type: Boolean, reflect: true },
    width: { state: true },
    at: { state: true },
    asTable: { state: true },
  };
  declare label: string;
  declare bars: readonly Bar[];
  declare series: readonly BarSeries[];
  declare format: (value: number) => string;
  declare height: number;
  /** Enter and clicks lead somewhere. */
  declare pickable: boolean;
  declare width: number;
  declare at: number | null;
  declare asTable: boolean;

  constructor() {
    super();
    this.label = '';
    this.bars = [];
    this.series = [];
    this.format = compact;
    this.height = 180;
    this.pickable = false;
    this.width = 0;
    this.at = null;
    this.asTable = false;
    this.during(() => {
      const observer = new ResizeObserver(([entry]) => {
        this.width = Math.floor(entry?.contentRect.width ?? 0);
      });
      observer.observe(this);
      return () => observer.disconnect();
    });
  }

  protected override willUpdate(changes: PropertyValues<this>): void {
    if (changes.has('bars') && this.at !== null && this.at >= this.bars.length) this.at = null;
  }

  override render(): TemplateResult {
    return html`<div class="row head">
        <ul class="row wrap grow small">
          ${this.series.map(
            ({ name, color }) =>
              html`<li class="row"><i ${setStyle({ background: `var(${color})` })}></i>${name}</li>`,
          )}
        </ul>
        <button
          class="btn quiet square"
          aria-pressed=${this.asTable ? 'true' : 'false'}
          aria-label=${common.t('asTable')}
          title=${common.t(this.asTable ? 'asChart' : 'asTable')}
          @click=${() => (this.asTable = !this.asTable)}
        >
          ${icon(this.asTable ? 'bars' : 'table')}
        </button>
      </div>
      ${this.asTable ? this.#table() : this.#chart()}`;
  }

  #chart(): TemplateResult {
    const inner = this.height - FOOT - HEAD;
    const top = axisTop(Math.max(0, ...this.bars.map(sum)));
    const stacks = stackBars(
      this.bars.map(({ values }) => values),
      { width: this.width - AXIS, height: inner, top },
    );
    const last = this.bars.length - 1;
    return html`<div
      class="chart"
      role="slider"
      tabindex="0"
      aria-label="${this.label}. ${common.t('chartHelp')}"
      aria-orientation="horizontal"
      aria-valuemin="0"
      aria-valuemax=${Math.max(last, 0)}
      aria-valuenow=${this.at ?? Math.max(last, 0)}
      aria-valuetext=${this.#reading(this.at ?? last)}
      @keydown=${this.#onKey}
      @focus=${() => (this.at ??= this.#lastClosed())}
      @blur=${() => (this.at = null)}
      @pointermove=${this.#onPointer}
      @pointerdown=${this.#onPointer}
      @pointerleave=${() => (this.at = null)}
      @click=${this.#pick}
    >
      <svg width="100%" height=${this.height} aria-hidden="true">
        ${this.#grid(top, inner)}
        <g transform="translate(${AXIS} ${HEAD})">
          ${stacks.map(
            ({ x, width, parts }, index) => svg`<g class=${this.#look(index)}>
              <rect class="reach" x=${x - 1} y="0" width=${width + 2} height=${inner}></rect>
              ${parts.map(
                ({ y, height }, part) =>
                  svg`<rect x=${x} y=${y} width=${width} height=${height} rx="1" fill="var(${this.series[part]?.color ?? '--series-1'})"></rect>`,
              )}</g>`,
          )}
          ${this.#labels(
            stacks.map(({ x, width }) => x + width / 2),
            inner,
          )}
        </g>
      </svg>
      ${this.at === null ? nothing : this.#tip(this.at, stacks[this.at]?.x ?? 0)}
    </div>`;
  }

  #grid(top: number, inner: number): readonly unknown[] {
    return [0, 0.5, 1].map((part) => {
      const y = HEAD + Math.round(inner * (1 - part)) + 0.5;
      return svg`<line x1=${AXIS} x2="100%" y1=${y} y2=${y}></line>
        <text x=${AXIS - 8} y=${y + 4} text-anchor="end">${this.format(top * part)}</text>`;
    });
  }

  /** As many labels as fit without touching. */
  #labels(centres: readonly number[], inner: number): readonly unknown[] {
    const step = Math.max(1, Math.ceil((this.bars.length * 52) / Math.max(this.width - AXIS, 1)));
    return this.bars.map(({ label }, index) =>
      index % step === 0
        ? svg`<text x=${centres[index] ?? 0} y=${inner + 17} text-anchor="middle">${label}</text>`
        : nothing,
    );
  }

  #tip(at: number, x: number): TemplateResult | typeof nothing {
    const bar = this.bars[at];
    if (!bar) return nothing;
    const right = x + AXIS > this.width / 2;
    const side = right ? { right: `${this.width - x - AXIS + 10}px` } : { left: `${x + AXIS + 20}px` };
    return html`<div class="tip small" ${setStyle(side)} aria-hidden="true">
      <p class="faint">${bar.title}</p>
      ${this.series.map(
        ({ name, color }, part) =>
          html`<p class="row">
            <i ${setStyle({ background: `var(${color})` })}></i><span class="grow">${name}</span
            ><b class="num">${this.format(bar.values[part] ?? 0)}</b>
          </p>`,
      )}
    </div>`;
  }

  #table(): TemplateResult {
    return html`<div class="scroller twin" tabindex="0" role="region" aria-label=${this.label}>
      <table class="table">
        <thead>
          <tr>
            <th scope="col">${common.t('time')}</th>
            ${this.series.map(({ name }) => html`<th scope="col" class="num">${name}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${this.bars.map(
            ({ title, values }) =>
              html`<tr>
                <th scope="row">${title}</th>
                ${this.series.map((_one, part) => html`<td class="num">${this.format(values[part] ?? 0)}</td>`)}
              </tr>`,
          )}
        </tbody>
      </table>
    </div>`;
  }

  #look(index: number): string {
    return `bar${this.bars[index]?.open ? ' open' : ''}${index === this.at ? ' at' : ''}`;
  }

  #reading(index: number): string {
    const bar = this.bars[index];
    if (!bar) return '';
    const parts = this.series.map(({ name }, part) => `${name} ${this.format(bar.values[part] ?? 0)}`);
    return `${bar.title}: ${parts.join(', ')}`;
  }

  #lastClosed(): number {
    const open = this.bars.findIndex((bar) => bar.open);
    return Math.max(0, (open < 0 ? this.bars.length : open) - 1);
  }

  #onKey(event: KeyboardEvent): void {
    const last = this.bars.length - 1;
    const now = this.at ?? this.#lastClosed();
    const next = new Map([
      ['ArrowLeft', now - 1],
      ['ArrowDown', now - 1],
      ['ArrowRight', now + 1],
      ['ArrowUp', now + 1],
      ['PageDown', now - 6],
      ['PageUp', now + 6],
      ['Home', 0],
      ['End', last],
    ]).get(event.key);
    if (event.key === 'Enter') this.#pick();
    if (next === undefined) return;
    event.preventDefault();
    this.at = Math.min(Math.max(next, 0), last);
  }

  #onPointer(event: PointerEvent): void {
    const box = this.renderRoot.querySelector('svg')?.getBoundingClientRect();
    if (!box || this.bars.length === 0) return;
    const part = (event.clientX - box.left - AXIS) / (box.width - AXIS);
    this.at = part < 0 ? null : Math.min(Math.floor(part * this.bars.length), this.bars.length - 1);
  }

  #pick(): void {
    if (this.pickable && this.at !== null) this.dispatchEvent(new CustomEvent('pick', { detail: this.at }));
  }

  static override styles = [
    CpElement.styles,
    css`
      .head {
        min-height: var(--control);
      }
      ul.row {
        gap: 4px 16px;
        color: var(--text-soft);
      }
      i {
        flex: none;
        width: 8px;
        height: 8px;
        border-radius: 2px;
      }
      .chart {
        position: relative;
        border-radius: var(--radius-1);
        touch-action: pan-y;
      }
      svg {
        display: block;
        overflow: visible;
      }
      line {
        stroke: var(--line);
      }
      text {
        fill: var(--text-faint);
        font: 12px var(--font);
        font-variant-numeric: tabular-nums;
      }
      .reach {
        fill: transparent;
      }
      .at .reach {
        fill: var(--press);
      }
      .open {
        opacity: 0.45;
      }
      :host([pickable]) .chart {
        cursor: pointer;
      }
      .tip {
        position: absolute;
        top: 4px;
        z-index: 1;
        min-width: 148px;
        padding: 8px 10px;
        border-radius: var(--radius-2);
        background: var(--raised);
        box-shadow: var(--shadow-layer);
        pointer-events: none;
      }
      .tip .row {
        margin-top: 4px;
        gap: 6px;
      }
      .tip b {
        margin-inline-start: 12px;
        font-weight: 600;
      }
      .twin {
        max-height: 320px;
        overflow: auto;
      }
      @media (forced-colors: active) {
        .tip {
          border: 1px solid;
        }
        svg rect:not(.reach),
        i {
          forced-color-adjust: none;
        }
      }
    `,
  ];
}

function sum({ values }: Bar): number {
  return values.reduce((all, one) => all + one, 0);
}

customElements.define('cp-bars', Bars);
declare global {
  interface HTMLElementTagNameMap {
    'cp-bars': Bars;
  }
}
