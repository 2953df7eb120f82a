import type { PriceInput } from '../contract/pricing.ts';

/** CLIProxyAPI takes a thinking level behind the model name, `gpt-5.4(high)`; a number is a token budget. */
const THINKING_SUFFIX = /^(.+)\((?:none|auto|-1|minimal|low|medium|high|xhigh|max|\d+)\)$/is;

/** The model people mean: the name without the gateway's thinking suffix. */
export function analyticsModel(model: string): string {
  return THINKING_SUFFIX.exec(model)?.[1] ?? model;
}

/** What the client asked for. */
function requested(event: PriceInput): string {
  return event.requestedModel === '' ? event.model : event.requestedModel;
}

/** The model that is billed: the upstream's when known, else the one asked for. */
export function billingModel(event: PriceInput): string {
  return event.resolvedModel === '' ? analyticsModel(requested(event)) : event.resolvedModel;
}

/** The names under which a price is looked for, best first, without repetition or empty ones. */
export function candidateModels(event: PriceInput): string[] {
  const asked = requested(event);
  return [...new Set([billingModel(event), analyticsModel(asked), asked])].filter(
    (name) => name !== '' && name !== '-',
  );
}

/** What decides about a model's behaviour: lower case, without vendor or route prefixes. */
export function modelSlug(model: string): string {
  return model
    .slice(model.lastIndexOf('/') + 1)
    .trim()
    .toLowerCase();
}
