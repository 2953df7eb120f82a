import { css } from 'lit';

export const connectionStyles = css`
  form {
    display: grid;
    gap: 24px;
  }
  .address {
    display: grid;
    gap: 16px;
  }
  .examples {
    display: grid;
    grid-template-columns: repeat(2, minmax(0, 1fr));
    gap: 8px;
  }
  .examples .label {
    grid-column: 1 / -1;
    margin: 0;
  }
  .example {
    appearance: none;
    display: grid;
    gap: 2px;
    padding: 9px 12px;
    border: 1px solid var(--line-strong);
    border-radius: var(--radius-2);
    background: var(--surface);
    color: var(--text);
    font: 500 var(--size-2) / 18px var(--font);
    text-align: start;
    cursor: pointer;
    transition:
      background var(--quick),
      border-color var(--quick);
  }
  .example .mono {
    color: var(--text-faint);
    font-size: var(--size-1);
    font-weight: 400;
    overflow-wrap: anywhere;
  }
  .example:hover {
    background: var(--hover);
  }
  .example[aria-pressed='true'] {
    border-color: var(--accent);
    background: var(--accent-soft);
    box-shadow: inset 0 0 0 1px var(--accent);
  }
  .example[aria-pressed='true'] .mono {
    color: var(--text-soft);
  }
  .about {
    display: grid;
    gap: 8px;
    margin-top: -8px;
    font-size: var(--size-2);
    color: var(--text-soft);
  }
  .advanced {
    border-top: 1px solid var(--line);
    padding-top: 8px;
  }
  .inner {
    display: grid;
    gap: 20px;
    padding: 12px 0 4px;
  }
  .mode {
    display: flex;
    gap: 10px;
    min-height: max(44px, var(--control));
    padding: 4px 0;
    cursor: pointer;
  }
  .mode input {
    flex: none;
    width: 16px;
    height: 16px;
    margin: 2px 0 0;
    accent-color: var(--accent);
  }
  .mode > span {
    display: grid;
    font-size: var(--size-2);
    line-height: 20px;
  }
  .mode .name {
    font-weight: 500;
  }
  legend {
    padding: 0;
  }
  cp-switch .note {
    margin-inline-start: 48px;
  }
  .poll {
    max-width: 360px;
  }
  .result {
    outline: none;
  }
  /* There for those who listen, without a gap of its own. */
  .result.none {
    position: absolute;
  }
  .asking {
    display: flex;
    align-items: center;
    gap: 10px;
    font-size: var(--size-2);
    color: var(--text-soft);
    overflow-wrap: anywhere;
  }
  .spinner {
    flex: none;
    width: 16px;
    height: 16px;
    border: 2px solid var(--line-strong);
    border-top-color: var(--accent);
    border-radius: 50%;
    animation: turn 0.9s linear infinite;
  }
  @keyframes turn {
    to {
      rotate: 1turn;
    }
  }
  @media (prefers-reduced-motion: reduce) {
    .spinner {
      animation: none;
      border-color: var(--accent);
    }
  }
  .verdict {
    display: flex;
    gap: 12px;
    padding: 14px 16px;
    border-radius: var(--radius-3);
    color: var(--text);
    font-size: var(--size-2);
    overflow-wrap: anywhere;
  }
  .verdict > .icon {
    margin-top: 2px;
  }
  .verdict.good {
    background: var(--good-soft);
  }
  .verdict.good > .icon {
    color: var(--good);
  }
  .verdict.warn {
    background: var(--warn-soft);
  }
  .verdict.warn > .icon {
    color: var(--warn);
  }
  .verdict.bad {
    background: var(--bad-soft);
  }
  .verdict.bad > .icon {
    color: var(--bad);
  }
  .verdict .what {
    font-weight: 600;
  }
  .verdict .facts {
    margin-top: 8px;
  }
  .verdict .facts dt {
    color: var(--text-soft);
  }
  .verdict .facts + .reason {
    margin-top: 8px;
    border-top: 1px solid color-mix(in srgb, currentColor 14%, transparent);
  }
  .verdict .reason:last-child {
    padding-bottom: 0;
  }
  .verdict .reason .what {
    font-weight: 500;
  }
  .verdict .again {
    margin: 8px 0;
  }
  .actions {
    display: flex;
    flex-wrap: wrap;
    justify-content: space-between;
    gap: 12px;
    padding-top: 20px;
    border-top: 1px solid var(--line);
  }
  .actions .btn {
    min-height: max(40px, var(--control));
    padding-inline: 16px;
    font-size: var(--size-3);
  }
  @media (max-width: 560px) {
    .examples {
      grid-template-columns: minmax(0, 1fr);
    }
    .actions .btn {
      flex: 1 1 100%;
    }
  }
`;
