import { css } from 'lit';

/** Pages that stand without the frame: as high as the window, with a bar of choices on top. */
export const alone = css`
  :host {
    display: flex;
    flex-direction: column;
    min-height: 100dvh;
  }
  header {
    justify-content: flex-end;
    gap: 2px;
    padding: 12px 16px;
  }
`;
