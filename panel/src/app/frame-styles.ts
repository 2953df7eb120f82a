import { css } from 'lit';

export const frameStyles = css`
  :host {
    display: grid;
    grid-template-columns: 216px minmax(0, 1fr);
    min-height: 100dvh;
  }
  :host([folded]) {
    grid-template-columns: 57px minmax(0, 1fr);
  }
  .skip {
    position: fixed;
    inset: 8px auto auto 8px;
    z-index: 5;
  }
  .skip:not(:focus) {
    clip-path: inset(50%);
  }
  .side {
    position: sticky;
    top: 0;
    /* Above the header, where the link for skipping may reach. */
    z-index: 3;
    display: flex;
    flex-direction: column;
    height: 100dvh;
    padding: 0 8px;
    border-inline-end: 1px solid var(--line);
    background: var(--sunken);
  }
  .brand {
    display: flex;
    align-items: center;
    gap: 10px;
    height: 56px;
    padding-inline: 7px;
    color: var(--text);
    font-size: 15px;
    font-weight: 650;
    letter-spacing: -0.01em;
    text-decoration: none;
  }
  .brand:hover {
    color: var(--text);
  }
  .mark {
    flex: none;
  }
  .side ul {
    display: grid;
    gap: 2px;
    padding-top: 8px;
  }
  .item {
    position: relative;
    display: flex;
    align-items: center;
    gap: 10px;
    height: 34px;
    padding: 0 12px;
    border-radius: var(--radius-2);
    color: var(--text-soft);
    font-size: var(--size-2);
    font-weight: 500;
    text-decoration: none;
  }
  .item:hover {
    background: var(--press);
    color: var(--text);
  }
  .item[aria-current] {
    background: var(--surface);
    color: var(--text);
    box-shadow:
      0 0 0 1px var(--line),
      var(--shadow);
  }
  .item[aria-current] .icon {
    color: var(--accent);
  }
  .keys {
    display: flex;
    align-items: center;
    gap: 3px;
    margin-inline-start: auto;
    color: var(--text-faint);
  }
  .item .keys {
    opacity: 0;
    transition: opacity var(--quick);
  }
  .item:hover .keys,
  .item:focus-visible .keys {
    opacity: 1;
  }
  kbd {
    display: inline-grid;
    place-items: center;
    min-width: 20px;
    height: 20px;
    padding: 0 4px;
    border: 1px solid var(--line-strong);
    border-radius: var(--radius-1);
    background: var(--surface);
    color: var(--text-soft);
    font: 500 var(--size-1) / 1 var(--font);
  }
  .shortcuts dt {
    justify-content: flex-start;
    margin: 0;
    gap: 6px;
  }
  .foot {
    display: flex;
    align-items: center;
    justify-content: space-between;
    gap: 8px;
    margin-top: auto;
    padding: 12px 4px 12px 12px;
  }
  :host([folded]) .name {
    display: none;
  }
  :host([folded]) .foot {
    padding-inline: 4px;
  }
  .main {
    display: flex;
    flex-direction: column;
    min-width: 0;
  }
  .top {
    position: sticky;
    top: 0;
    z-index: 2;
    display: flex;
    align-items: center;
    gap: var(--space-3);
    height: 56px;
    padding: 0 16px 0 24px;
    border-bottom: 1px solid var(--line);
    background: var(--ground);
  }
  h1 {
    font-size: var(--size-4);
    font-weight: 600;
    line-height: 24px;
    letter-spacing: -0.01em;
  }
  .tools {
    display: flex;
    align-items: center;
    gap: 4px;
    margin-inline-start: auto;
  }
  .desk.row {
    gap: 2px;
  }
  .rule {
    width: 1px;
    height: 20px;
    margin: 0 6px;
    background: var(--line-strong);
  }
  .live {
    display: inline-flex;
    align-items: center;
    gap: 7px;
    padding-inline: 4px;
    color: var(--text-faint);
  }
  .dot {
    width: 7px;
    height: 7px;
    border-radius: 50%;
    background: var(--text-faint);
  }
  .is-live .dot {
    background: var(--good);
  }
  .is-lost {
    color: var(--warn);
  }
  .is-lost .dot {
    background: var(--warn);
  }
  @media (prefers-reduced-motion: no-preference) {
    .is-live .dot {
      animation: beat 2.4s ease-out infinite;
    }
  }
  @keyframes beat {
    from {
      box-shadow: 0 0 0 0 color-mix(in srgb, var(--good) 55%, transparent);
    }
    50%,
    to {
      box-shadow: 0 0 0 6px transparent;
    }
  }
  main {
    flex: 1;
    min-width: 0;
    width: 100%;
    max-width: 1560px;
    padding: 24px;
  }
  .phone {
    display: none;
  }
  @media (max-width: 760px) {
    :host,
    :host([folded]) {
      display: block;
      padding-bottom: calc(60px + env(safe-area-inset-bottom));
    }
    .desk,
    .desk.row {
      display: none;
    }
    .phone {
      display: flex;
    }
    .top {
      height: 52px;
      padding: 0 12px 0 16px;
    }
    main {
      padding: 16px;
    }
    .live .small {
      position: absolute;
      clip-path: inset(50%);
    }
    .bottom {
      position: fixed;
      inset: auto 0 0;
      z-index: 3;
      padding-bottom: env(safe-area-inset-bottom);
      border-top: 1px solid var(--line);
      background: var(--surface);
    }
    .bottom > * {
      appearance: none;
      flex: 1;
      display: grid;
      justify-items: center;
      align-content: center;
      gap: 3px;
      height: 58px;
      padding: 0;
      border: 0;
      background: none;
      color: var(--text-soft);
      font: 500 var(--size-1) / 16px var(--font);
      text-decoration: none;
    }
    .bottom .icon {
      width: 20px;
      height: 20px;
    }
    .bottom [aria-current] {
      color: var(--accent);
    }
  }
  @media print {
    .side,
    .top,
    .bottom {
      display: none;
    }
  }
  @media (forced-colors: active) {
    .item[aria-current] {
      outline: 2px solid Highlight;
    }
    .dot {
      forced-color-adjust: none;
    }
  }
`;
