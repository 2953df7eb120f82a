import { LitElement, type CSSResultGroup } from 'lit';
import { language } from '../i18n/i18n.ts';
import type { Store } from '../lib/store.ts';
import { base, buttons, tables } from '../styles/base.ts';
import { forms } from '../styles/forms.ts';

/** What all our elements have: the shared styles, texts that follow the language, and subscriptions that end in time. */
export abstract class CpElement extends LitElement {
  static override styles: CSSResultGroup = [base, buttons, forms, tables];

  constructor() {
    super();
    this.watch(language);
  }

  /** Renders again when the store changes. */
  protected watch<T>(store: Store<T>): void {
    this.during(() => store.subscribe(() => this.requestUpdate()));
  }

  /** Runs `start` whenever the element comes to the page, and what it answered when it leaves. */
  protected during(start: () => (() => void) | void): void {
    let end: (() => void) | void;
    this.addController({
      hostConnected: () => {
        end = start();
      },
      hostDisconnected: () => end?.(),
    });
  }
}

let lastId = 0;
/** An id for `for` and `aria-describedby`, unique on the page. */
export function newId(prefix: string): string {
  lastId += 1;
  return `${prefix}-${lastId}`;
}
