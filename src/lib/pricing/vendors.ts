/**
 * Who sells a model, in the names of the embedded data. CLIProxyAPI tells two things: the executor that made the call,
 * and the provider, which for OpenAI-compatible endpoints is a name that a person chose.
 */

/** By part of the executor's name, first match. `OpenAICompatExecutor` serves anybody, so it is not in here. */
const EXECUTORS: ReadonlyArray<readonly [part: string, vendor: string]> = [
  ['claude', 'anthropic'],
  ['codex', 'openai'],
  ['gemini', 'google'],
  ['vertex', 'google'],
  ['aistudio', 'google'],
  ['antigravity', 'google'],
  ['xai', 'x-ai'],
  ['kimi', 'moonshotai'],
];

/**
 * By a word of the provider's name. Hosts come before makers: `openrouter-claude` is billed by OpenRouter. Words with
 * `*` match at the start, so that `openrouter2` is found as well.
 */
const WORDS: ReadonlyArray<readonly [word: string, vendor: string]> = [
  ['openrouter*', 'openrouter'],
  ['azure*', 'azure'],
  ['bedrock*', 'aws'],
  ['aws', 'aws'],
  ['groq', 'groq'],
  ['together*', 'together'],
  ['fireworks*', 'fireworks'],
  ['cerebras', 'cerebras'],
  ['novita*', 'novita'],
  ['baseten', 'baseten'],
  ['perplexity', 'perplexity'],
  ['cohere', 'cohere'],
  ['vertex*', 'google'],
  ['aistudio', 'google'],
  ['gemini*', 'google'],
  ['antigravity', 'google'],
  ['google*', 'google'],
  ['deepseek*', 'deepseek'],
  ['moonshot*', 'moonshotai'],
  ['kimi*', 'moonshotai'],
  ['minimax*', 'minimax'],
  ['mistral*', 'mistral'],
  ['zai', 'zai'],
  ['zhipu*', 'zhipuai'],
  ['bigmodel*', 'zhipuai'],
  ['xai', 'x-ai'],
  ['grok', 'x-ai'],
  ['anthropic*', 'anthropic'],
  ['claude*', 'anthropic'],
  ['codex*', 'openai'],
  ['openai', 'openai'],
];

function wordsOf(text: string): string[] {
  return text
    .toLowerCase()
    .replace(/^openai-compatible-/, '')
    .replaceAll(/\b([xz])[-. ]ai\b/g, '$1ai')
    .split(/[^a-z0-9]+/);
}

function vendorOfText(text: string): string | null {
  const words = wordsOf(text);
  for (const [pattern, vendor] of WORDS) {
    const stem = pattern.endsWith('*') ? pattern.slice(0, -1) : null;
    if (words.some((word) => (stem === null ? word === pattern : word.startsWith(stem)))) return vendor;
  }
  return null;
}

/** The seller of what this executor and provider hand out, or `null` when their names do not tell. */
export function vendorOf(executorType: string, provider: string): string | null {
  const executor = executorType.toLowerCase();
  for (const [part, vendor] of EXECUTORS) if (executor.includes(part)) return vendor;
  return vendorOfText(provider);
}

/**
 * Makers as OpenRouter's catalogue writes them, by the start of the model's name. It knows open-weight models for
 * which the embedded data has no list of the maker.
 */
const CATALOGUE: ReadonlyArray<readonly [start: string, maker: string]> = [
  ['qwen', 'qwen'],
  ['glm-', 'z-ai'],
  ['deepseek', 'deepseek'],
  ['kimi-', 'moonshotai'],
  ['minimax-', 'minimax'],
];

/** One question to the data: a model name at a seller, or at whoever is known by the name alone (`null`). */
export interface Attempt {
  readonly vendor: string | null;
  readonly model: string;
}

/** Where to look for a model's price, best first. Everything is an exact name or a rule of the data; nothing is fuzzy. */
export function attempts(vendor: string | null, name: string): Attempt[] {
  const model = name.startsWith('models/') ? name.slice('models/'.length) : name;
  const slash = model.indexOf('/');
  const tail = model.slice(model.lastIndexOf('/') + 1);
  const list: Attempt[] = [];
  if (vendor !== null) list.push({ vendor, model }, { vendor, model: tail });
  if (slash > 0) {
    const maker = vendorOfText(model.slice(0, slash));
    if (maker !== null) list.push({ vendor: maker, model: tail });
    list.push({ vendor: 'openrouter', model });
  }
  list.push({ vendor: null, model: tail });
  const lower = tail.toLowerCase();
  const maker = CATALOGUE.find(([start]) => lower.startsWith(start))?.[1];
  if (maker !== undefined) list.push({ vendor: 'openrouter', model: `${maker}/${lower}` });
  return list;
}
