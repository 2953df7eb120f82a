import { css } from 'lit';

/** In the shadow root of every element: a reset, type, links, focus and the helpers that all pages use. */
export const base = css`
  *,
  *::before,
  *::after {
    box-sizing: border-box;
  }
  :host {
    display: block;
  }
  :host([hidden]),
  [hidden] {
    display: none !important;
  }
  h1,
  h2,
  h3,
  p,
  ul,
  ol,
  dl,
  dd,
  figure,
  fieldset {
    margin: 0;
    padding: 0;
  }
  ul,
  ol {
    list-style: none;
  }
  fieldset {
    border: 0;
    min-width: 0;
  }
  h2 {
    font-size: var(--size-3);
    font-weight: 600;
    line-height: 20px;
  }
  h3 {
    font-size: var(--size-2);
    font-weight: 600;
    line-height: 20px;
  }
  a {
    color: var(--accent);
    text-decoration: underline;
    text-decoration-color: color-mix(in srgb, currentColor 35%, transparent);
    text-underline-offset: 3px;
  }
  a:hover {
    color: var(--accent-hover);
    text-decoration-color: currentColor;
  }
  :focus-visible {
    outline: 2px solid var(--focus);
    outline-offset: 2px;
  }
  /* Moved to, not stopped at: headings and regions. */
  [tabindex='-1']:focus-visible {
    outline: none;
  }
  code,
  .mono {
    font-family: var(--mono);
    font-size: 0.93em;
  }
  code {
    overflow-wrap: anywhere;
    padding: 1px 5px;
    border-radius: var(--radius-1);
    background: var(--sunken);
    border: 1px solid var(--line);
  }
  .icon {
    width: 16px;
    height: 16px;
    flex: none;
    fill: none;
    stroke: currentColor;
    stroke-width: 1.5;
    stroke-linecap: round;
    stroke-linejoin: round;
  }
  .num {
    font-variant-numeric: tabular-nums;
  }
  .soft {
    color: var(--text-soft);
  }
  .faint {
    color: var(--text-faint);
  }
  .small {
    font-size: var(--size-1);
    line-height: 16px;
  }
  .good {
    color: var(--good);
  }
  .warn {
    color: var(--warn);
  }
  .bad {
    color: var(--bad);
  }
  .cut {
    overflow: hidden;
    text-overflow: ellipsis;
    white-space: nowrap;
    min-width: 0;
  }
  .row {
    display: flex;
    align-items: center;
    gap: var(--space-2);
    min-width: 0;
  }
  .row.wrap {
    flex-wrap: wrap;
  }
  .stack {
    display: grid;
    gap: var(--space-4);
    min-width: 0;
  }
  .grow {
    flex: 1;
    min-width: 0;
  }
  .unseen {
    position: absolute;
    width: 1px;
    height: 1px;
    overflow: hidden;
    clip-path: inset(50%);
    white-space: nowrap;
  }
`;

/** Buttons: `btn`, with `primary`, `danger`, `quiet` (no edge) and `square` (only an icon, which needs an aria-label). */
export const buttons = css`
  .btn {
    appearance: none;
    display: inline-flex;
    align-items: center;
    justify-content: center;
    gap: 6px;
    min-height: var(--control);
    padding: 0 12px;
    border: 1px solid var(--line-strong);
    border-radius: var(--radius-2);
    background: var(--surface);
    color: var(--text);
    font: 500 var(--size-2) / 18px var(--font);
    text-decoration: none;
    white-space: nowrap;
    cursor: pointer;
    user-select: none;
    transition:
      background var(--quick),
      border-color var(--quick);
  }
  .btn:hover {
    background: var(--hover);
    color: var(--text);
  }
  .btn:active {
    background: var(--press);
  }
  .btn.primary {
    background: var(--accent-fill);
    border-color: var(--accent-fill);
    color: var(--on-accent);
  }
  .btn.primary:hover {
    background: var(--accent-fill-hover);
    border-color: var(--accent-fill-hover);
    color: var(--on-accent);
  }
  .btn.danger {
    background: var(--bad);
    border-color: var(--bad);
    color: var(--on-bad);
  }
  .btn.danger:hover {
    background: var(--bad-hover);
    border-color: var(--bad-hover);
    color: var(--on-bad);
  }
  .btn.quiet {
    border-color: transparent;
    background: transparent;
    color: var(--text-soft);
  }
  .btn.quiet:hover {
    background: var(--press);
    color: var(--text);
  }
  .btn.square {
    padding: 0;
    width: var(--control);
  }
  .btn:disabled,
  .btn[aria-disabled='true'] {
    opacity: 0.55;
    cursor: not-allowed;
  }
  .btn .icon {
    margin-inline: -2px 0;
  }
  .btn.square .icon {
    margin: 0;
  }
  @media (forced-colors: active) {
    .btn.primary {
      forced-color-adjust: none;
      background: Highlight;
      color: HighlightText;
    }
  }
`;

/** `<table class="table">`, best within `<div class="scroller" tabindex="0" role="region" aria-label=...>`. */
export const tables = css`
  .scroller {
    overflow-x: auto;
  }
  .table {
    width: 100%;
    border-collapse: collapse;
    font-size: var(--size-2);
    line-height: 20px;
  }
  .table th {
    padding: 6px 12px;
    text-align: start;
    font-weight: 500;
    font-size: var(--size-1);
    color: var(--text-faint);
    white-space: nowrap;
    border-bottom: 1px solid var(--line);
  }
  .table td {
    padding: 7px 12px;
    border-bottom: 1px solid var(--line);
    vertical-align: top;
  }
  .table tbody tr:last-child > * {
    border-bottom: 0;
  }
  .table tr > :first-child {
    padding-inline-start: 16px;
  }
  .table tr > :last-child {
    padding-inline-end: 16px;
  }
  .table .num {
    text-align: end;
    white-space: nowrap;
    font-variant-numeric: tabular-nums;
  }
  .table tbody th {
    color: var(--text);
    font-size: var(--size-2);
  }
  .table tbody tr.pick {
    cursor: pointer;
  }
  .table tbody tr.pick:hover {
    background: var(--hover);
  }
  .facts {
    display: grid;
    grid-template-columns: minmax(96px, max-content) minmax(0, 1fr);
    gap: 6px 16px;
    font-size: var(--size-2);
    line-height: 20px;
  }
  .facts dt {
    color: var(--text-faint);
  }
  .facts dd {
    overflow-wrap: anywhere;
    font-variant-numeric: tabular-nums;
  }
`;
