import {
  css,
  html,
  nothing,
  svg,
  type PropertyDeclarations,
  type PropertyValues,
  type SVGTemplateResult,
  type TemplateResult,
} from 'lit';
import { CpElement } from '../../elements/element.ts';
import { clockTime } from '../../lib/format.ts';
import { go } from '../../lib/router.ts';
import { DAY_MS, gapSpans, inGap, type Gap, type Span } from './day.ts';
import { dashboard } from './texts.ts';

/** Hours between two labels of the axis. Where there is little room every second one is left out. */
const LABEL_HOURS = 3;
const HOURS = 24;

/** Fraction of the width as an SVG length: a drawing in percents needs no measuring, and is right at once. */
export const percentOf = (fraction: number): string => `${Math.round(fraction * 1e5) / 1e3}%`;

/**
 * A day from midnight to midnight that can be read value by value, with the pointer, a finger or the arrow keys. Enter
 * and a click lead to the requests of that time. Charts of the same width lie exactly above each other.
 */
export abstract class TimeChart extends CpElement {
  static override properties: PropertyDeclarations = {
    startMs: { attribute: false },
    nowMs: { attribute: false },
    gaps: { attribute: false },
    at: { state: true },
  };
  declare startMs: number;
  declare nowMs: number;
  declare gaps: readonly Gap[];
  /** The value that is being read. */
  declare at: number | null;

  constructor() {
    super();
    this.startMs = 0;
    this.nowMs = 0;
    this.gaps = [];
    this.at = null;
  }

  protected abstract readonly size: number;
  /** How far a key moves; null: it is not for us. */
  protected abstract stepOf(key: string): number | null;
  /** Which value is at a place, given as fractions of the plot. */
  protected abstract indexAt(x: number, y: number): number;
  /** The middle of a value's top edge: fraction of the width, px from above. */
  protected abstract anchorOf(index: number): { readonly x: number; readonly y: number };
  protected abstract spanOf(index: number): { readonly fromMs: number; readonly toMs: number };
  protected abstract label(): string;
  /** A value in words. */
  protected abstract reading(index: number): readonly string[];
  protected abstract picture(): TemplateResult;

  /** From the beginning of the day until the last value that has begun. */
  protected get last(): number {
    let index = this.size - 1;
    while (index > 0 && this.spanOf(index).fromMs > this.nowMs) index -= 1;
    return index;
  }

  protected titleOf(index: number): string {
    const { fromMs, toMs } = this.spanOf(index);
    return `${clockTime(fromMs)} – ${clockTime(toMs)}`;
  }

  protected linesOf(index: number): readonly string[] {
    const { fromMs, toMs } = this.spanOf(index);
    if (fromMs > this.nowMs) return [dashboard.t('ahead')];
    const lines = this.reading(index);
    return inGap(this.gaps, fromMs, toMs, this.nowMs) ? [...lines, dashboard.t('mayMiss')] : lines;
  }

  protected get spans(): readonly Span[] {
    return gapSpans(this.gaps, this.startMs, this.nowMs);
  }

  override render(): TemplateResult {
    const { at, last } = this;
    const read = at ?? last;
    return html`<div
      class="plot"
      role="slider"
      tabindex="0"
      aria-label="${this.label()}. ${dashboard.t('chartKeys')}"
      aria-valuemin="0"
      aria-valuemax=${this.size - 1}
      aria-valuenow=${read}
      aria-valuetext="${this.titleOf(read)}: ${this.linesOf(read).join(', ')}"
      @keydown=${this.#onKey}
      @focus=${this.#onFocus}
      @blur=${this.#leave}
      @pointermove=${this.#onPointer}
      @pointerleave=${this.#leave}
      @click=${this.#onClick}
    >
      ${this.picture()}${at === null ? nothing : this.#tip(at)}
    </div>`;
  }

  #tip(at: number): TemplateResult {
    const [first, ...rest] = this.linesOf(at);
    return html`<div class="tip small num" aria-hidden="true">
      <p class="faint">${this.titleOf(at)}</p>
      <p class="first">${first}</p>
      ${rest.map((line) => html`<p>${line}</p>`)}
    </div>`;
  }

  /** Labels of the hours, for a chart that has them below it. */
  protected axis(y: number): SVGTemplateResult {
    return svg`${Array.from({ length: HOURS / LABEL_HOURS }, (_, index) => {
      const hour = index * LABEL_HOURS;
      return svg`<text class=${index % 2 === 0 ? 'hour' : 'hour second'} x=${percentOf(hour / HOURS)} y=${y}>
        ${clockTime(this.startMs + (hour * DAY_MS) / HOURS)}</text>`;
    })}`;
  }

  /** Times in which records may be missing, and where now is. */
  protected marks(height: number): SVGTemplateResult {
    const now = (this.nowMs - this.startMs) / DAY_MS;
    return svg`${this.spans.map(
      ({ from, to }) =>
        svg`<rect class="gap" x=${percentOf(from)} width=${percentOf(Math.max(to - from, 0.004))} height=${height} fill="url(#hatch)"></rect>`,
    )}
    ${
      now >= 0 && now <= 1
        ? svg`<line class="now" x1=${percentOf(now)} x2=${percentOf(now)} y2=${height}></line>`
        : nothing
    }`;
  }

  protected hatch(): SVGTemplateResult {
    return svg`<defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
      <rect class="hatching" width="2" height="6"></rect>
    </pattern></defs>`;
  }

  /** Beside its value, within the plot; its size is only known once it is there. */
  protected override updated(_changes: PropertyValues): void {
    const tip = this.renderRoot.querySelector<HTMLElement>('.tip');
    const plot = this.renderRoot.querySelector<HTMLElement>('.plot');
    if (!tip || !plot || this.at === null) return;
    const { x, y } = this.anchorOf(this.at);
    const left = x * plot.clientWidth - tip.offsetWidth / 2;
    tip.style.left = `${Math.max(0, Math.min(left, plot.clientWidth - tip.offsetWidth))}px`;
    tip.style.top = `${y - tip.offsetHeight - 8}px`;
  }

  #onFocus(event: FocusEvent): void {
    if (event.target instanceof Element && event.target.matches(':focus-visible')) this.at ??= this.last;
  }

  #leave(): void {
    this.at = null;
  }

  #onKey(event: KeyboardEvent): void {
    const now = this.at ?? this.last;
    const last = this.size - 1;
    if (event.key === 'Enter') this.#open(now);
    if (event.key === 'Escape') this.at = null;
    const step = this.stepOf(event.key);
    const next =
      event.key === 'Home' ? 0 : event.key === 'End' ? this.last : step === null ? null : now + step;
    if (next === null || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    if (next >= 0 && next <= last) this.at = next;
  }

  #indexOf(event: PointerEvent): number | null {
    const box = this.renderRoot.querySelector('.plot')?.getBoundingClientRect();
    if (!box) return null;
    const inside = (value: number): number => Math.min(Math.max(value, 0), 0.9999);
    return this.indexAt(
      inside((event.clientX - box.left) / box.width),
      inside((event.clientY - box.top) / box.height),
    );
  }

  #onPointer(event: PointerEvent): void {
    // A finger reads with a tap; while it moves it scrolls.
    if (event.pointerType !== 'touch') this.at = this.#indexOf(event);
  }

  /** A finger has to see what it is about to open: the first tap reads, the second one on the same value opens. */
  #onClick(event: PointerEvent): void {
    const index = this.#indexOf(event);
    if (index === null) return;
    if (event.pointerType === 'touch' && this.at !== index) this.at = index;
    else this.#open(index);
  }

  #open(index: number): void {
    const { fromMs, toMs } = this.spanOf(index);
    if (fromMs <= this.nowMs) go('/monitoring', { from_ms: fromMs, to_ms: toMs });
  }

  static override styles = [
    CpElement.styles,
    css`
      .plot {
        position: relative;
        border-radius: var(--radius-1);
        cursor: pointer;
        outline-offset: 4px;
      }
      svg {
        display: block;
        width: 100%;
        overflow: visible;
      }
      text {
        fill: var(--text-faint);
        font: var(--size-1) var(--font);
        font-variant-numeric: tabular-nums;
      }
      .hatching {
        fill: var(--warn);
        opacity: 0.55;
      }
      .now {
        stroke: var(--text-faint);
        stroke-dasharray: 2 2;
      }
      .tip {
        position: absolute;
        z-index: 2;
        max-width: 260px;
        padding: 8px 10px;
        border-radius: var(--radius-2);
        background: var(--raised);
        box-shadow: var(--shadow-layer);
        pointer-events: none;
      }
      .tip .first {
        font-weight: 600;
      }
      @media (forced-colors: active) {
        .tip {
          border: 1px solid;
        }
      }
    `,
  ];
}
