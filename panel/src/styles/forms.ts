import { css } from 'lit';

/**
 * Fields, selects, segmented controls and switches. These elements render into their parent's shadow root, so that
 * labels, forms and password managers work as in a plain page; hence the parent has these styles (all CpElements do).
 */
export const forms = css`
  cp-field,
  cp-select,
  cp-segmented,
  cp-switch {
    display: block;
    min-width: 0;
  }
  .label {
    display: block;
    margin-bottom: 6px;
    font-size: var(--size-2);
    font-weight: 500;
    line-height: 18px;
  }
  .note {
    margin-top: 6px;
    font-size: var(--size-1);
    line-height: 16px;
    color: var(--text-faint);
  }
  .wrong {
    display: flex;
    gap: 6px;
    margin-top: 6px;
    font-size: var(--size-2);
    line-height: 18px;
    color: var(--bad);
  }
  .wrong .icon {
    margin-top: 1px;
  }
  .box {
    position: relative;
    display: flex;
  }
  .input {
    appearance: none;
    width: 100%;
    min-width: 0;
    height: calc(var(--control) + 4px);
    padding: 0 10px;
    border: 1px solid var(--line-control);
    border-radius: var(--radius-2);
    background: var(--surface);
    color: var(--text);
    font: var(--size-3) / 20px var(--font);
    transition: border-color var(--quick);
  }
  .input::placeholder {
    color: var(--text-faint);
    opacity: 1;
  }
  .input:hover {
    border-color: var(--text-faint);
  }
  .input:focus-visible {
    outline: 2px solid var(--focus);
    outline-offset: -1px;
    border-color: transparent;
  }
  .input[aria-invalid='true'] {
    border-color: var(--bad);
    outline-color: var(--bad);
  }
  .input[type='password'],
  .input.code {
    font-family: var(--mono);
    font-size: var(--size-2);
  }
  .box:has(.peek) .input {
    padding-inline-end: calc(var(--control) + 4px);
  }
  .peek {
    position: absolute;
    inset-inline-end: 2px;
    top: 2px;
  }
  .select .input {
    padding-inline-end: 32px;
    cursor: pointer;
  }
  .select > .icon {
    position: absolute;
    inset-inline-end: 10px;
    top: calc(50% - 8px);
    pointer-events: none;
    color: var(--text-faint);
  }
  .select.small .input {
    height: var(--control);
    font-size: var(--size-2);
    border-color: var(--line-strong);
  }
  .segments {
    display: inline-flex;
    padding: 2px;
    gap: 2px;
    border-radius: var(--radius-2);
    background: var(--sunken);
    border: 1px solid var(--line);
  }
  .segment {
    position: relative;
    display: flex;
    align-items: center;
    justify-content: center;
    min-height: calc(var(--control) - 6px);
    padding: 0 10px;
    border-radius: var(--radius-1);
    font-size: var(--size-2);
    color: var(--text-soft);
    cursor: pointer;
    white-space: nowrap;
  }
  .segment:hover {
    color: var(--text);
  }
  .segment input {
    position: absolute;
    inset: 0;
    margin: 0;
    opacity: 0;
    cursor: pointer;
  }
  .segment:has(:checked) {
    background: var(--surface);
    color: var(--text);
    font-weight: 500;
    box-shadow:
      var(--shadow),
      0 0 0 1px var(--line-strong);
  }
  .segment:has(:focus-visible) {
    outline: 2px solid var(--focus);
    outline-offset: 1px;
  }
  .switch {
    display: flex;
    gap: var(--space-3);
    align-items: flex-start;
    min-height: 24px;
    cursor: pointer;
  }
  .switch input {
    appearance: none;
    position: relative;
    flex: none;
    width: 36px;
    height: 20px;
    margin: 2px 0;
    border-radius: 10px;
    border: 1px solid var(--line-control);
    background: var(--sunken);
    cursor: pointer;
    transition: background var(--quick);
  }
  .switch input::before {
    content: '';
    position: absolute;
    inset: 3px auto auto 3px;
    width: 12px;
    height: 12px;
    border-radius: 50%;
    background: var(--text-faint);
    transition: translate var(--quick);
  }
  .switch input:checked {
    background: var(--accent-fill);
    border-color: var(--accent-fill);
  }
  .switch input:checked::before {
    background: var(--on-accent);
    translate: 16px 0;
  }
  .switch .label {
    margin: 2px 0 0;
    line-height: 20px;
  }
  .switch .note {
    margin-top: 2px;
  }
  @media (pointer: coarse) {
    .input {
      font-size: var(--size-4);
      height: var(--control);
    }
    .switch {
      min-height: 44px;
    }
  }
  @media (forced-colors: active) {
    .switch input::before {
      background: ButtonText;
    }
    .segment:has(:checked) {
      outline: 2px solid Highlight;
    }
  }
`;
