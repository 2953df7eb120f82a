import { css } from 'lit';

export const detailStyles = css`
  :host {
    --drawer-width: 600px;
  }
  .steps {
    gap: 0;
  }
  .turned {
    rotate: 180deg;
  }
  .facts dt::first-letter {
    text-transform: uppercase;
  }
  .parts {
    display: grid;
    gap: 20px;
    min-width: 0;
  }
  .parts > section {
    min-width: 0;
  }
  .parts > section + section {
    padding-top: 20px;
    border-top: 1px solid var(--line);
  }
  section > h3 {
    display: flex;
    align-items: center;
    gap: 8px;
    margin-bottom: 10px;
  }
  .lead {
    gap: 12px;
  }
  .failure {
    padding: 12px 16px;
    border-radius: var(--radius-3);
    background: var(--bad-soft);
  }
  .failure + section {
    border-top: 0;
    padding-top: 0;
  }
  .failure h3 {
    margin: 0;
    color: var(--bad);
  }
  .failure .facts dt {
    color: var(--text-soft);
  }
  pre {
    max-height: 260px;
    margin: 6px 0 10px;
    overflow: auto;
    font: var(--size-1) / 18px var(--mono);
    white-space: pre-wrap;
    overflow-wrap: anywhere;
  }
  .flags {
    display: grid;
    gap: 6px;
    font-size: var(--size-2);
    line-height: 18px;
    color: var(--text-soft);
  }
  .flags li {
    display: flex;
    gap: 8px;
  }
  .flags .icon {
    margin-top: 1px;
    color: var(--text-faint);
  }
  .split {
    display: flex;
    gap: 2px;
    height: 8px;
    margin-bottom: 8px;
    border-radius: 4px;
    overflow: hidden;
  }
  .split i {
    min-width: 2px;
  }
  .cost th,
  .cost td {
    padding: 5px 0 5px 12px;
  }
  .cost tr > :first-child {
    padding-inline-start: 0;
  }
  .cost tr > :last-child {
    padding-inline-end: 0;
  }
  .cost tbody th {
    font-weight: 400;
  }
  .cost tfoot th,
  .cost tfoot td {
    padding-block: 7px;
    border-top: 1px solid var(--line-strong);
    border-bottom: 0;
    color: var(--text);
    font-size: var(--size-2);
    font-weight: 600;
  }
  .dot {
    display: inline-block;
    width: 8px;
    height: 8px;
    margin-inline-end: 8px;
    border-radius: 2px;
  }
  .figures {
    display: flex;
    flex-wrap: wrap;
    gap: 8px 16px;
  }
  .figures > div {
    flex: 1 0 28%;
    white-space: nowrap;
  }
  .figures dt {
    font-size: var(--size-1);
    color: var(--text-faint);
  }
  .figures dd {
    font-size: var(--size-4);
    font-weight: 600;
    font-variant-numeric: tabular-nums;
  }
  .facts {
    align-items: baseline;
  }
  .facts dd .only {
    min-height: 24px;
    width: 24px;
    margin: -2px 0 -2px 4px;
    padding: 0;
    vertical-align: middle;
    color: var(--text-faint);
  }
  .only .icon {
    width: 14px;
    height: 14px;
    margin: 0;
  }
  .facts.ids {
    align-items: center;
    gap: 2px 16px;
  }
  .gauge {
    margin-bottom: 12px;
    font-size: var(--size-2);
  }
  .gauge .note {
    margin-top: 4px;
  }
  .track {
    height: 6px;
    margin-top: 4px;
    border-radius: 3px;
    background: var(--press);
    overflow: hidden;
  }
  .track i {
    display: block;
    height: 100%;
    border-radius: 3px;
    background: var(--series-1);
  }
  .track.warn i {
    background: var(--series-3);
  }
  .track.bad i {
    background: var(--series-bad);
  }
  @media (pointer: coarse) {
    .facts dd .only {
      min-height: 36px;
      width: 36px;
      margin-block: -8px;
    }
  }
  @media (forced-colors: active) {
    .split i,
    .track i,
    .dot {
      forced-color-adjust: none;
    }
  }
`;
