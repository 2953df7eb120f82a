import { css } from 'lit';

export const pageStyles = css`
  :host {
    container-type: inline-size;
    display: grid;
    gap: 16px;
    max-width: 1240px;
  }
  .verdict {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 12px;
  }
  .verdict .grow {
    flex-basis: 240px;
    font-size: var(--size-2);
    line-height: 20px;
    overflow-wrap: anywhere;
  }
  .verdict h2 {
    min-height: 24px;
    font-size: var(--size-5);
    font-weight: 600;
    line-height: 24px;
    letter-spacing: -0.01em;
    font-variant-numeric: tabular-nums;
  }
  .sign {
    display: grid;
    place-items: center;
    flex: none;
    width: 36px;
    height: 36px;
    border-radius: 50%;
    background: var(--press);
  }
  .sign.good {
    background: var(--good-soft);
  }
  .sign.warn {
    background: var(--warn-soft);
  }
  .sign.bad {
    background: var(--bad-soft);
  }
  .sign.accent {
    background: var(--accent-soft);
    color: var(--accent);
  }
  .sign .icon {
    width: 20px;
    height: 20px;
  }
  .progress {
    display: grid;
    gap: 16px;
    padding: 20px;
    border: 1px solid var(--line);
    border-radius: var(--radius-3);
    background: var(--surface);
  }
  .grid {
    display: grid;
    grid-template-columns: repeat(2, minmax(0, 1fr));
    align-items: start;
    gap: 16px;
  }
  .whole {
    grid-column: 1 / -1;
  }
  .group {
    display: flex;
    gap: var(--space-3);
    font-size: var(--size-2);
    line-height: 20px;
    overflow-wrap: anywhere;
  }
  .group + .group {
    margin-top: 16px;
    padding-top: 16px;
    border-top: 1px solid var(--line);
  }
  .group > .icon {
    margin-top: 2px;
  }
  .group ul {
    display: grid;
    gap: 8px;
    margin-top: 8px;
  }
  .group li {
    padding: 8px 12px;
    border-radius: var(--radius-2);
    background: var(--sunken);
  }
  .due {
    display: flex;
    align-items: flex-start;
    gap: 6px;
  }
  .due .icon {
    margin-top: 2px;
  }
  .lead {
    padding: 12px 16px 4px;
    font-size: var(--size-2);
  }
  .table .name {
    display: block;
  }
  .path {
    font-size: var(--size-2);
    overflow-wrap: anywhere;
  }
  .secrets {
    gap: 8px;
    font-size: var(--size-2);
  }
  .command {
    display: flex;
    align-items: center;
    gap: 4px;
    min-width: 0;
  }
  .command code {
    padding: 3px 6px;
  }
  .nowrap {
    white-space: nowrap;
  }
  .sides cp-pill + .num {
    margin-inline-start: 8px;
    white-space: nowrap;
  }
  .filters {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 8px 16px;
    padding: 12px 16px;
    border-bottom: 1px solid var(--line);
  }
  .filters cp-select {
    min-width: 0;
    max-width: 280px;
  }
  .days th .cut,
  .differences td .cut {
    display: block;
    max-width: 260px;
  }
  .days tbody th {
    position: sticky;
    inset-inline-start: 0;
    min-width: 120px;
    background: var(--surface);
    font-weight: 400;
  }
  .days th > .small,
  .differences td > .small {
    display: block;
    white-space: nowrap;
  }
  .mark {
    padding-inline-start: 6px;
  }
  .days,
  .differences {
    font-variant-numeric: tabular-nums;
  }
  .pair {
    display: block;
  }
  .differences .detail {
    min-width: 220px;
    overflow-wrap: anywhere;
  }
  .reasons {
    display: grid;
    gap: 6px;
    padding: 12px 16px;
    font-size: var(--size-2);
    line-height: 20px;
  }
  .reasons li {
    display: grid;
    grid-template-columns: minmax(40px, max-content) minmax(0, 1fr);
    gap: 12px;
  }
  .reasons b {
    text-align: end;
  }
  .reasons .name {
    font-weight: 600;
  }
  .reasons + .scroller {
    border-top: 1px solid var(--line);
  }
  .more {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    justify-content: space-between;
    gap: 8px 16px;
    padding: 8px 16px;
    border-top: 1px solid var(--line);
    font-size: var(--size-2);
  }
  @container (width < 900px) {
    .grid {
      grid-template-columns: minmax(0, 1fr);
    }
  }
  @container (width < 560px) {
    .progress {
      padding: 16px;
    }
    .days th .cut {
      max-width: 130px;
    }
    .sides th,
    .sides td {
      padding-inline: 6px;
    }
    .sides cp-pill + .num {
      display: block;
      margin-inline-start: 6px;
      text-align: start;
    }
  }
`;
