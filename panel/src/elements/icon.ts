import { html, svg, type TemplateResult } from 'lit';

/** Drawn for this panel on a grid of 16, lines of 1.5. */
const PATHS = {
  dashboard: 'M2.5 2.5h4.5v6H2.5zM9.5 2.5h4v3.5h-4zM9.5 8.5h4v5h-4zM2.5 11h4.5v2.5H2.5z',
  requests: 'M2.5 4h1M6 4h7.5M2.5 8h1M6 8h7.5M2.5 12h1M6 12h5',
  settings: 'M2.5 4.5h6M12 4.5h1.5M2.5 11.5h1.5M7.5 11.5h6M10.25 2.75v3.5M5.75 9.75v3.5',
  logout: 'M6.5 13.5h-4v-11h4M10 5l3 3-3 3M13 8H6',
  sun: 'M8 5.25a2.75 2.75 0 1 1 0 5.5 2.75 2.75 0 0 1 0-5.5M8 1.5v1M8 13.5v1M1.5 8h1M13.5 8h1M3.4 3.4l.7.7M11.9 11.9l.7.7M3.4 12.6l.7-.7M11.9 4.1l.7-.7',
  moon: 'M13.2 9.8A5.7 5.7 0 0 1 6.2 2.8a5.7 5.7 0 1 0 7 7',
  screen: 'M2 3h12v8H2zM6 13.5h4',
  globe:
    'M8 2a6 6 0 1 1 0 12A6 6 0 0 1 8 2M2 8h12M8 2c2.2 1.7 3 3.8 3 6s-.8 4.3-3 6c-2.2-1.7-3-3.8-3-6s.8-4.3 3-6',
  left: 'M10 3.5 5.5 8l4.5 4.5',
  right: 'M6 3.5 10.5 8 6 12.5',
  down: 'M3.5 6 8 10.5 12.5 6',
  up: 'M8 13V3.5M4 7l4-4 4 4',
  fold: 'M2.5 3h11v10h-11zM6.25 3v10',
  close: 'M3.75 3.75l8.5 8.5M12.25 3.75l-8.5 8.5',
  copy: 'M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3',
  check: 'M3 8.5 6.5 12 13 4.5',
  alert: 'M8 2.25 14.25 13H1.75zM8 6.5v3M8 11.25v.01',
  error: 'M8 2a6 6 0 1 1 0 12A6 6 0 0 1 8 2M8 5v3.5M8 11v.01',
  info: 'M8 2a6 6 0 1 1 0 12A6 6 0 0 1 8 2M8 7.5V11M8 5v.01',
  ok: 'M8 2a6 6 0 1 1 0 12A6 6 0 0 1 8 2M5.5 8.25l1.75 1.75 3.25-3.75',
  pulse: 'M1.5 8.5H5l1.75-5 2.5 9 1.75-4h3.5',
  search: 'M7 2.5a4.5 4.5 0 1 1 0 9 4.5 4.5 0 0 1 0-9M10.25 10.25l3.25 3.25',
  refresh: 'M13.5 8A5.5 5.5 0 1 1 11.6 3.8M13.5 2v3h-3',
  download: 'M8 2.5v8M4.5 7 8 10.5 11.5 7M2.5 13.5h11',
  filter: 'M2 3.5h12M4.5 8h7M6.5 12.5h3',
  eye: 'M1.5 8C3.2 5 5.4 3.5 8 3.5S12.8 5 14.5 8c-1.7 3-3.9 4.5-6.5 4.5S3.2 11 1.5 8M8 6.25a1.75 1.75 0 1 1 0 3.5 1.75 1.75 0 0 1 0-3.5',
  'eye-off':
    'M2.5 2.5l11 11M6.2 3.8A6 6 0 0 1 8 3.5c2.6 0 4.8 1.5 6.5 4.5a12 12 0 0 1-1.8 2.4M4.2 5A11 11 0 0 0 1.5 8c1.7 3 3.9 4.5 6.5 4.5a6 6 0 0 0 2.9-.7M6.8 6.8a1.75 1.75 0 0 0 2.4 2.4',
  key: 'M10.5 2.5a3 3 0 1 1-2.7 4.3L2.5 12v1.5H5V12h1.5v-1.5L8.1 9M11 5v.01',
  plus: 'M8 3v10M3 8h10',
  external: 'M6.5 3.5h-4v10h10v-4M9.5 2.5h4v4M13.5 2.5 7.5 8.5',
  more: 'M3.9 8a.4.4 0 1 1-.8 0 .4.4 0 0 1 .8 0M8.4 8a.4.4 0 1 1-.8 0 .4.4 0 0 1 .8 0M12.9 8a.4.4 0 1 1-.8 0 .4.4 0 0 1 .8 0',
  help: 'M8 2a6 6 0 1 1 0 12A6 6 0 0 1 8 2M6.25 6.5a1.75 1.75 0 1 1 2.5 1.6c-.5.25-.75.6-.75 1.15M8 11.25v.01',
  clock: 'M8 2a6 6 0 1 1 0 12A6 6 0 0 1 8 2M8 4.75V8l2.25 1.5',
  play: 'M5 3.25v9.5L12.5 8z',
  pause: 'M5.5 3.5v9M10.5 3.5v9',
  table: 'M2.5 3h11v10h-11zM2.5 6.5h11M6.5 6.5V13',
  bars: 'M3 13V8M6.5 13V3M10 13V9.5M13.5 13V5.5',
  coins:
    'M8 2a6 6 0 1 1 0 12A6 6 0 0 1 8 2M10 5.75C9.6 5.25 9 5 8 5c-1.2 0-2 .6-2 1.5s.9 1.3 2 1.5 2 .6 2 1.5-.8 1.5-2 1.5c-1 0-1.6-.25-2-.75M8 4v1M8 11v1',
  plug: 'M6 2.5v3M10 2.5v3M4 5.5h8V8a4 4 0 0 1-8 0zM8 12v2',
} as const;

export type IconName = keyof typeof PATHS;

/** A picture that only repeats what a word beside it or an aria-label says. */
export function icon(name: IconName, extraClass = ''): TemplateResult {
  return html`<svg class="icon ${extraClass}" viewBox="0 0 16 16" aria-hidden="true">
    ${svg`<path d=${PATHS[name]}></path>`}
  </svg>`;
}

/** Our mark: a tally, since everything is counted. */
export function mark(size = 24): TemplateResult {
  return html`<svg
    class="mark"
    width=${size}
    height=${size}
    viewBox="0 0 24 24"
    fill="none"
    aria-hidden="true"
  >
    ${svg`<rect x="1" y="1" width="22" height="22" rx="6" fill="#0b5f79"></rect>
    <g stroke-width="1.7" stroke-linecap="round">
      <path d="M6.9 7v10M10.3 7v10M13.7 7v10M17.1 7v10" stroke="#fff"></path>
      <path d="M4.8 15.3 19.2 8.7" stroke="#7fe0f2" stroke-width="2"></path>
    </g>`}
  </svg>`;
}
