import { css } from 'lit';

/** Looks of the lists below the day, which are tables with a bar or a picture in their rows. */
export const listStyles = css`
  .coming {
    display: grid;
    gap: 20px;
    padding: 16px;
  }
  .nothing {
    display: flex;
    align-items: center;
    justify-content: center;
    gap: 8px;
    height: 100%;
    min-height: 120px;
    padding: 16px;
    font-size: var(--size-2);
  }
  .list {
    table-layout: fixed;
  }
  .list th:first-child,
  .list td:first-child {
    padding-inline-start: 16px;
  }
  .list th:last-child,
  .list td:last-child {
    padding-inline-end: 16px;
  }
  .list th.num,
  .list td.num {
    width: 58px;
    padding-inline: 0;
  }
  .list th.num:last-child,
  .list td.num:last-child {
    width: 78px;
    padding-inline-end: 16px;
  }
  .list thead th {
    overflow: hidden;
    text-overflow: ellipsis;
  }
  .list tbody th {
    text-align: start;
    font-weight: 500;
    border-bottom: 1px solid var(--line);
  }
  .list tbody td,
  .list tbody th {
    height: 46px;
    vertical-align: middle;
    padding-block: 4px;
  }
  .list a,
  .failures a {
    color: var(--text);
    text-decoration: none;
  }
  .list a {
    display: block;
  }
  .list .row a {
    flex: 0 1 auto;
  }
  .list a:hover,
  .failures a:hover .model {
    color: var(--accent);
    text-decoration: underline;
  }
  .block {
    display: block;
  }
  .under {
    display: block;
    padding-inline-start: 24px;
  }
  .bar {
    display: block;
    width: 100%;
    height: 4px;
    margin-top: 6px;
  }
  .bar rect {
    fill: var(--series-1);
  }
  .bar .track,
  .whole .track {
    fill: var(--press);
  }
  .failures {
    display: grid;
    grid-auto-rows: 1fr;
    height: 100%;
    max-height: 340px;
  }
  .failures li + li {
    border-top: 1px solid var(--line);
  }
  .failures a {
    display: grid;
    gap: 2px;
    align-content: center;
    height: 100%;
    padding: 8px 16px;
    font-size: var(--size-2);
  }
  .failures a:hover {
    background: var(--hover);
  }
  .failures a:focus-visible {
    outline-offset: -2px;
  }
  .code {
    padding: 0 5px;
    border-radius: var(--radius-1);
    background: var(--bad-soft);
    color: var(--bad);
    font-size: var(--size-1);
    line-height: 18px;
  }
  .model {
    font-weight: 500;
  }
  .mix .whole {
    display: block;
    width: calc(100% - 32px);
    height: 12px;
    margin: 16px 16px 6px;
    border-radius: 3px;
  }
  .mix .list tbody th,
  .mix .list tbody td {
    height: 52px;
  }
  .swatch {
    flex: none;
    width: 10px;
    height: 10px;
  }
  .mix-1 {
    fill: var(--series-1);
  }
  .mix-2 {
    fill: color-mix(in srgb, var(--series-1) 45%, var(--surface));
  }
  .mix-3 {
    fill: var(--series-2);
  }
  .mix-4 {
    fill: color-mix(in srgb, var(--series-2) 50%, var(--surface));
  }
`;
