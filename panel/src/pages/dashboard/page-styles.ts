import { css } from 'lit';

export const pageStyles = css`
  :host {
    container-type: inline-size;
    display: grid;
    gap: 16px;
  }
  .grid {
    display: grid;
    grid-template-columns: repeat(3, minmax(0, 1fr));
    gap: 16px;
  }
  .two {
    grid-column: span 2;
  }
  .verdict {
    display: flex;
    align-items: center;
    gap: 12px;
  }
  .verdict .sign {
    display: grid;
    place-items: center;
    flex: none;
    width: 36px;
    height: 36px;
    border-radius: 50%;
    background: var(--press);
  }
  .verdict .sign.good {
    background: var(--good-soft);
  }
  .verdict .sign.warn {
    background: var(--warn-soft);
  }
  .verdict .sign.bad {
    background: var(--bad-soft);
  }
  .verdict .sign .icon {
    width: 20px;
    height: 20px;
  }
  .verdict h2 {
    min-height: 24px;
    font-size: var(--size-5);
    font-weight: 400;
    line-height: 24px;
    letter-spacing: -0.01em;
    color: var(--text-soft);
  }
  .verdict h2 b {
    font-weight: 650;
    color: var(--text);
  }
  .verdict i {
    margin-inline: 6px;
  }
  .day {
    --gutter: 36px;
    padding: 16px 16px 14px calc(16px + var(--gutter));
  }
  .sub {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 0 16px;
    margin: 8px 0 4px calc(-1 * var(--gutter));
  }
  .sub h3 {
    font-weight: 500;
    color: var(--text-soft);
  }
  .legend {
    display: flex;
    flex-wrap: wrap;
    gap: 2px 14px;
    color: var(--text-soft);
  }
  .legend li {
    display: flex;
    align-items: center;
    gap: 5px;
  }
  .push {
    order: 1;
    margin-inline-start: auto;
  }
  .legend .hatched {
    fill: none;
    stroke: var(--warn);
    stroke-dasharray: 2 2;
  }
  .legend svg {
    width: 12px;
    height: 12px;
    overflow: visible;
  }
  .twin {
    max-height: 240px;
    margin-inline-start: calc(-1 * var(--gutter));
    overflow: auto;
    border: 1px solid var(--line);
    border-radius: var(--radius-2);
  }
  .twin thead th {
    position: sticky;
    top: 0;
    background: var(--surface);
  }
  .twin .table th,
  .twin .table td {
    padding-block: 4px;
  }
  @container (width < 900px) {
    .grid {
      grid-template-columns: repeat(2, minmax(0, 1fr));
    }
  }
  @container (width < 620px) {
    :host,
    .grid {
      gap: 12px;
    }
    .grid {
      grid-template-columns: minmax(0, 1fr);
    }
    .two {
      grid-column: auto;
    }
    .verdict {
      gap: 10px;
    }
    .verdict h2 {
      font-size: 17px;
      line-height: 22px;
    }
    .wide {
      display: none;
    }
    .push {
      order: 0;
    }
    .sub {
      margin-bottom: 8px;
    }
    .legend {
      flex-basis: 100%;
    }
    .verdict i {
      margin-inline: 6px;
    }
    .day {
      --gutter: 30px;
      padding: 14px 12px 12px calc(16px + var(--gutter));
    }
  }
`;
