export type JsonObject = Record<string, unknown>;

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Throws when the text is not a JSON object. */
export function jsonObject(text: string | Buffer): JsonObject {
  const value: unknown = JSON.parse(text.toString());
  if (!isObject(value)) throw new Error('not a JSON object');
  return value;
}

/** Throws when the text is not a JSON array. */
export function jsonArray(text: string | Buffer): unknown[] {
  const value: unknown = JSON.parse(text.toString());
  if (!Array.isArray(value)) throw new Error('not a JSON array');
  return value;
}
