import { css } from 'lit';

export const setupStyles = css`
  main {
    flex: 1;
    display: grid;
    grid-template: 'aside sheet' auto 'keys sheet' 1fr / 272px minmax(0, 640px);
    justify-content: center;
    gap: 32px 48px;
    padding: clamp(0px, 2vh, 40px) 24px 24px;
  }
  aside {
    grid-area: aside;
    padding-top: 32px;
  }
  h1 {
    margin-top: 20px;
    font-size: var(--size-6);
    line-height: 32px;
    font-weight: 600;
    letter-spacing: -0.02em;
  }
  aside > .soft {
    margin-top: 8px;
  }
  .steps {
    display: grid;
    gap: 20px;
    margin-top: 28px;
  }
  .steps li {
    position: relative;
    display: flex;
    gap: 12px;
    font-size: var(--size-2);
    line-height: 18px;
    color: var(--text-faint);
  }
  .steps li:not(:last-child)::after {
    content: '';
    position: absolute;
    inset: 32px auto -16px 13px;
    width: 1px;
    background: var(--line-strong);
  }
  .steps li > span:nth-child(2) {
    display: grid;
    gap: 1px;
    padding-top: 1px;
  }
  .number {
    flex: none;
    display: grid;
    place-items: center;
    width: 28px;
    height: 28px;
    border-radius: 50%;
    border: 1px solid var(--line-control);
    font-size: var(--size-2);
    font-weight: 600;
  }
  .steps .name {
    font-weight: 600;
  }
  .steps [aria-current] {
    color: var(--text);
  }
  .steps [aria-current] .number {
    background: var(--accent-fill);
    border-color: var(--accent-fill);
    color: var(--on-accent);
  }
  .steps .done .number {
    border-color: var(--good);
    color: var(--good);
  }
  .steps .done .name {
    color: var(--text-soft);
  }
  .sheet {
    grid-area: sheet;
    align-self: start;
    padding: 32px;
    border: 1px solid var(--line);
    border-radius: 12px;
    background: var(--surface);
    box-shadow: var(--shadow);
  }
  .sheet > h2 {
    margin-top: 4px;
    font-size: var(--size-5);
    line-height: 28px;
    letter-spacing: -0.015em;
  }
  .lead {
    margin: 6px 0 24px;
  }
  .history {
    display: flex;
    gap: 10px;
    margin-bottom: 20px;
    padding: 12px 14px;
    border-radius: var(--radius-2);
    background: var(--accent-soft);
    font-size: var(--size-2);
  }
  .history .icon {
    margin-top: 2px;
    color: var(--accent);
  }
  .keys {
    grid-area: keys;
    align-self: start;
    padding-top: 20px;
    border-top: 1px solid var(--line);
    font-size: var(--size-2);
    line-height: 18px;
  }
  .keys h2 {
    font-size: var(--size-2);
    line-height: 18px;
  }
  .keys dt {
    display: flex;
    align-items: center;
    gap: 8px;
    margin-top: 14px;
    font-weight: 500;
  }
  .keys dt .icon {
    color: var(--text-faint);
  }
  .keys dd {
    margin: 2px 0 0 24px;
    color: var(--text-soft);
  }
  footer {
    display: flex;
    justify-content: center;
    gap: 16px;
    padding: 16px;
  }
  @media (max-width: 860px) {
    main {
      grid-template: 'aside' 'sheet' 'keys' / minmax(0, 640px);
      gap: 24px;
      padding: 0 16px 16px;
    }
    aside {
      padding-top: 0;
    }
    h1 {
      margin-top: 16px;
      font-size: var(--size-5);
      line-height: 28px;
    }
    .steps {
      grid-template-columns: 1fr 1fr;
      gap: 12px;
      margin-top: 20px;
    }
    .steps li:not(:last-child)::after {
      display: none;
    }
    .steps .small {
      display: none;
    }
    .steps li {
      align-items: center;
    }
  }
  @media (max-width: 520px) {
    .sheet {
      padding: 20px 0 0;
      border: 0;
      border-top: 1px solid var(--line);
      border-radius: 0;
      background: none;
      box-shadow: none;
    }
  }
`;
