import { css } from 'lit';

export const filtersStyles = css`
  :host {
    container-type: inline-size;
  }
  .line {
    display: flex;
    align-items: center;
    gap: 8px;
  }
  .push {
    margin-inline-start: auto;
    gap: 2px;
  }
  .search {
    position: relative;
    flex: 0 1 300px;
    min-width: 0;
  }
  .search > .icon {
    position: absolute;
    top: calc(50% - 8px);
    inset-inline-start: 10px;
    color: var(--text-faint);
    pointer-events: none;
  }
  .search .input {
    height: var(--control);
    padding-inline: 34px 30px;
    font-size: var(--size-2);
    border-color: var(--line-control);
  }
  .search .input::-webkit-search-cancel-button {
    display: none;
  }
  .search kbd {
    position: absolute;
    top: calc(50% - 10px);
    inset-inline-end: 7px;
    min-width: 20px;
    height: 20px;
    border: 1px solid var(--line-strong);
    border-radius: var(--radius-1);
    color: var(--text-faint);
    font: 500 var(--size-1) / 18px var(--font);
    text-align: center;
    pointer-events: none;
  }
  .search .input:focus ~ kbd,
  .search .input:not(:placeholder-shown) ~ kbd {
    display: none;
  }
  .segments {
    background: var(--surface);
    border-color: var(--line-strong);
  }
  .segment:has(:checked) {
    background: var(--press);
    box-shadow: none;
  }
  .chips {
    display: flex;
    flex-wrap: wrap;
    gap: 6px;
    margin-top: 10px;
  }
  .chip {
    appearance: none;
    display: inline-flex;
    align-items: center;
    gap: 6px;
    max-width: 320px;
    min-height: 26px;
    padding: 0 6px 0 10px;
    border: 1px solid var(--line-strong);
    border-radius: 13px;
    background: var(--surface);
    color: var(--text);
    font: var(--size-1) / 16px var(--font);
    cursor: pointer;
  }
  .chip:hover {
    background: var(--hover);
  }
  .chip .icon {
    width: 14px;
    height: 14px;
    color: var(--text-faint);
  }
  .reset {
    min-height: 26px;
    padding: 0 10px;
    font-size: var(--size-1);
  }
  .count {
    min-width: 20px;
    padding: 0 6px;
    border-radius: 10px;
    background: var(--accent-fill);
    color: var(--on-accent);
    font-size: var(--size-1);
    line-height: 20px;
    text-align: center;
  }
  .phone {
    display: none;
  }
  .time {
    display: block;
  }
  @media (pointer: coarse) {
    .chip,
    .reset {
      min-height: 36px;
      border-radius: 18px;
    }
  }
  @container (max-width: 780px) {
    .word,
    .search kbd {
      display: none;
    }
    .search .input {
      padding-inline-end: 8px;
    }
  }
  @container (max-width: 600px) {
    .desk {
      display: none;
    }
    .phone {
      display: inline-flex;
    }
    .search {
      flex: 1;
    }
    .line {
      gap: 6px;
    }
    .line .btn {
      padding: 0 10px;
    }
  }
  @media (max-width: 760px) {
    .chips {
      flex-wrap: nowrap;
      margin-inline: -16px;
      padding-inline: 16px;
      overflow-x: auto;
      scrollbar-width: none;
    }
    .chip {
      flex: none;
      max-width: 220px;
    }
  }
`;
