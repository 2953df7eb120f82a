import { css } from 'lit';

/** What unfolds (`details` with an icon in its `summary`), and a line to copy (`.command` with a `code`). */
export const details = css`
  summary {
    display: flex;
    align-items: center;
    gap: 6px;
    width: fit-content;
    min-height: max(28px, var(--control));
    margin-inline-start: -3px;
    font-size: var(--size-2);
    font-weight: 500;
    color: var(--text-soft);
    list-style: none;
    cursor: pointer;
  }
  summary::-webkit-details-marker {
    display: none;
  }
  summary:hover {
    color: var(--text);
  }
  summary .icon {
    transition: rotate var(--quick);
  }
  [open] > summary .icon {
    rotate: 90deg;
  }
  .command {
    display: flex;
    align-items: center;
    gap: 4px;
    padding: 4px 4px 4px 12px;
    border: 1px solid var(--line);
    border-radius: var(--radius-2);
    background: var(--sunken);
    color: var(--text);
  }
  .command code {
    flex: 1;
    padding: 0;
    border: 0;
    background: none;
  }
`;
