import { noChange } from 'lit';
import { Directive, directive, PartType, type ElementPart, type PartInfo } from 'lit/directive.js';

class SetStyle extends Directive {
  #set: readonly string[] = [];

  constructor(part: PartInfo) {
    super(part);
    if (part.type !== PartType.ELEMENT) throw new Error('setStyle stands in the tag itself');
  }

  override update({ element }: ElementPart, [properties]: Parameters<this['render']>): typeof noChange {
    if (!(element instanceof HTMLElement || element instanceof SVGElement)) return noChange;
    for (const name of this.#set) if (!(name in properties)) element.style.removeProperty(name);
    for (const [name, value] of Object.entries(properties)) element.style.setProperty(name, value);
    this.#set = Object.keys(properties);
    return noChange;
  }

  render(_properties: Readonly<Record<string, string>>): typeof noChange {
    return noChange;
  }
}

/**
 * Styles that are known only at run time: `<div ${setStyle({ left: '4px', '--share': '20%' })}>`. Lit's own `styleMap`
 * writes the style attribute at first, which our CSP blocks.
 */
export const setStyle = directive(SetStyle);
