import type { Dispatcher } from 'undici';
import { GatewayError } from '../contract/gateway.ts';

/** How much of an answer without success is read for what it says. */
export const MAX_ERROR_BYTES = 4 << 10;

/** A header value is sent as Latin-1, byte by byte; CLIProxyAPI compares the bytes of UTF-8. */
export const headerText = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');

/** The first value of a header, `''` without one. */
export function header(response: Dispatcher.ResponseData, name: string): string {
  const value = response.headers[name];
  return (Array.isArray(value) ? value[0] : value) ?? '';
}

/**
 * What an error body says, in one short line: CLIProxyAPI's `{"error":"..."}`, or plain text that is not a page. `hide`
 * sees the text before anything is cut off: a part of a key would not be known as one.
 */
export function reason(body: string, hide: (text: string) => string): string {
  let text = body;
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value === 'object' && value !== null && 'error' in value && typeof value.error === 'string') {
      text = value.error;
    }
  } catch {
    const title = /<title>([^<]*)/i.exec(body)?.[1];
    text = title ?? (body.trimStart().startsWith('<') ? '' : body);
  }
  return hide(text).replace(/\s+/g, ' ').trim().slice(0, 200);
}

/** A whole body as text. What is longer than `limit` bytes throws; of an error's text only the beginning is kept. */
export async function readText(body: Dispatcher.ResponseData['body'], limit: number): Promise<string> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    parts.push(chunk);
    length += chunk.length;
    if (length > limit) {
      if (limit > MAX_ERROR_BYTES)
        throw new GatewayError('unexpected_answer', `it is longer than ${limit} bytes`);
      break;
    }
  }
  return Buffer.concat(parts).toString('utf8');
}
