import type { CacheInputMode } from '../contract/event.ts';

/** Whose habits of counting tokens a record follows. */
export type Family = 'claude' | 'gemini' | 'xai' | 'openai';

/** The names in a record that tell the family, in the order in which they are asked. */
export interface Identity {
  readonly executorType: string;
  readonly provider: string;
  readonly authProviderSnapshot: string;
  readonly resolvedModel: string;
  readonly requestedModel: string;
  readonly model: string;
}

type Rule = readonly [part: string, family: Family];

// Order matters within a list: an OpenAI-compatible provider may be called after the models it resells. Executors
// are Go type names of CLIProxyAPI (`OpenAICompatExecutor`, `GeminiVertexExecutor`, ...); it writes `unknown` where
// it knows nothing, which fits no rule.
const EXECUTORS: readonly Rule[] = [
  ['claude', 'claude'],
  ['openai', 'openai'],
  ['codex', 'openai'],
  ['gemini', 'gemini'],
  ['vertex', 'gemini'],
  ['aistudio', 'gemini'],
  ['ai_studio', 'gemini'],
  ['ai-studio', 'gemini'],
  ['antigravity', 'gemini'],
  ['interaction', 'gemini'],
  ['xai', 'xai'],
  ['kimi', 'openai'],
];
const PROVIDERS: readonly Rule[] = [['anthropic', 'claude'], ...EXECUTORS, ['moonshot', 'openai']];
const MODELS: readonly Rule[] = [
  ['anthropic', 'claude'],
  ['claude', 'claude'],
  ['gpt-', 'openai'],
  ['openai', 'openai'],
  ['codex', 'openai'],
  ['gemini', 'gemini'],
  ['vertex', 'gemini'],
  ['aistudio', 'gemini'],
  ['antigravity', 'gemini'],
  ['grok', 'xai'],
  ['xai', 'xai'],
  ['kimi', 'openai'],
  ['moonshot', 'openai'],
];

/** Null when no name says anything. */
export function providerFamily(of: Identity): Family | null {
  return (
    match(EXECUTORS, of.executorType) ??
    match(PROVIDERS, of.provider) ??
    match(PROVIDERS, of.authProviderSnapshot) ??
    match(MODELS, of.resolvedModel) ??
    match(MODELS, of.requestedModel) ??
    match(MODELS, of.model)
  );
}

function match(rules: readonly Rule[], name: string): Family | null {
  if (name === '') return null;
  const lower = name.toLowerCase();
  for (const [part, family] of rules) if (lower.includes(part)) return family;
  return null;
}

/** Anthropic counts cached tokens beside the input; everybody else inside it. */
export function cacheModeOf(family: Family): CacheInputMode {
  return family === 'claude' ? 'separate_from_input' : 'included_in_input';
}
