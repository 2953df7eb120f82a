import { css } from 'lit';

export const listStyles = css`
  :host {
    container-type: inline-size;
  }
  .grid {
    overflow-anchor: none;
    border: 1px solid var(--line);
    border-top: 0;
    border-radius: 0 0 var(--radius-3) var(--radius-3);
    background: var(--surface);
    outline: none;
  }
  .head {
    position: sticky;
    top: var(--list-top, 112px);
    z-index: 1;
    border-top: 1px solid var(--line);
    border-bottom: 1px solid var(--line);
    background: var(--sunken);
  }
  .cards .head {
    border-bottom: 0;
  }
  .rows {
    position: relative;
    overflow: clip;
    contain: style;
  }
  .r {
    position: relative;
    display: grid;
    grid-template-columns:
      72px 116px minmax(150px, 1.5fr) minmax(128px, 0.8fr) minmax(110px, 1.2fr)
      84px 84px 92px;
    gap: 16px;
    align-items: center;
    height: 48px;
    padding: 0 16px;
    border-bottom: 1px solid var(--line);
    font-size: var(--size-2);
    line-height: 18px;
  }
  @container (max-width: 960px) {
    .wide .r {
      grid-template-columns: 66px 92px minmax(130px, 1.4fr) minmax(110px, 1.1fr) 68px 76px 84px;
      gap: 12px;
    }
    .wide .key {
      display: none;
    }
  }
  .head .r {
    height: 32px;
    border: 0;
    color: var(--text-faint);
    font-size: var(--size-1);
    font-weight: 500;
  }
  .rows .r {
    cursor: pointer;
  }
  .rows .r:hover {
    background: var(--hover);
  }
  .r > * {
    min-width: 0;
  }
  .r small {
    display: block;
    font-size: var(--size-1);
    line-height: 16px;
    color: var(--text-faint);
  }
  .end {
    text-align: end;
  }
  .strong {
    font-weight: 500;
  }
  .row-bad::before {
    content: '';
    position: absolute;
    inset: 0 auto 0 0;
    width: 3px;
    background: var(--series-bad);
  }
  .rows .r.active {
    background: var(--accent-soft);
  }
  .grid:focus-visible .r.active {
    outline: 2px solid var(--focus);
    outline-offset: -2px;
  }
  .grid:focus-visible:not([aria-activedescendant]) {
    outline: 2px solid var(--focus);
    outline-offset: 2px;
  }
  .word {
    display: flex;
    align-items: center;
    gap: 6px;
    font-weight: 500;
  }
  .word.neutral,
  .neutral {
    color: var(--text-soft);
  }
  .word.good {
    color: var(--text-soft);
  }
  .word.good .icon {
    color: var(--good);
  }
  .top {
    display: flex;
    align-items: center;
    gap: 2px;
    min-width: 0;
  }
  .narrow {
    appearance: none;
    flex: none;
    display: inline-grid;
    place-items: center;
    width: 24px;
    height: 24px;
    margin: -3px 0;
    padding: 0;
    border: 0;
    border-radius: var(--radius-1);
    background: none;
    color: var(--text-faint);
    opacity: 0;
    cursor: pointer;
  }
  .r:hover .narrow,
  .r.active .narrow {
    opacity: 1;
  }
  .narrow:hover {
    background: var(--press);
    color: var(--accent);
  }
  .narrow .icon {
    width: 14px;
    height: 14px;
  }
  @media (hover: none) {
    .narrow {
      display: none;
    }
  }
  .tag {
    margin-inline-end: 4px;
    padding: 0 5px;
    border-radius: var(--radius-1);
    background: var(--sunken);
    box-shadow: inset 0 0 0 1px var(--line);
    color: var(--text-soft);
  }
  .bar {
    display: block;
    width: 64px;
    height: 4px;
    margin: 4px 0 2px auto;
    border-radius: 2px;
    background: linear-gradient(
      to right,
      var(--series-1) var(--a),
      var(--series-rest) var(--a) var(--b),
      var(--series-3) var(--b) var(--c),
      var(--series-2) var(--c)
    );
  }
  .cards .rows .r {
    grid-template-columns: minmax(0, 1fr);
    align-content: center;
    gap: 4px;
    height: 66px;
    padding: 0 12px 0 14px;
  }
  .line {
    display: flex;
    align-items: center;
    gap: 8px;
    min-width: 0;
    font-size: var(--size-3);
    line-height: 20px;
  }
  .line > span:first-child {
    flex: none;
    display: inline-flex;
    white-space: nowrap;
  }
  .line.under {
    font-size: var(--size-1);
    color: var(--text-faint);
  }
  .push {
    margin-inline-start: auto;
    padding-inline-start: 4px;
    white-space: nowrap;
  }
  .line .push:not(.warn, .bad) {
    color: var(--text-faint);
  }
  .sum {
    min-width: 58px;
    text-align: end;
    white-space: nowrap;
  }
  .above {
    position: sticky;
    top: calc(var(--list-top, 112px) + 40px);
    z-index: 2;
    display: flex;
    justify-content: center;
    height: 0;
  }
  .newer {
    height: var(--control);
    border-radius: 20px;
    box-shadow: var(--shadow-layer);
  }
  @media (prefers-reduced-motion: no-preference) {
    .fresh {
      /* In few steps: each is a new picture of all these rows. */
      animation: arrive 1.5s steps(6);
    }
    .newer {
      animation: drop 160ms ease-out;
    }
  }
  @keyframes arrive {
    from {
      background: var(--accent-soft);
    }
  }
  @keyframes drop {
    from {
      opacity: 0;
      translate: 0 -6px;
    }
  }
  @media (forced-colors: active) {
    .rows .r.active {
      outline: 2px solid Highlight;
      outline-offset: -2px;
    }
    .bar {
      forced-color-adjust: none;
    }
  }
`;
