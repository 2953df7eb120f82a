/** What a client sent: one command, or the reason why there will be no more. */
export type Input =
  | { readonly kind: 'command'; readonly args: readonly string[] }
  | { readonly kind: 'malformed'; readonly message: string }
  | { readonly kind: 'end' };

type Parsed = { readonly args: readonly string[]; readonly used: number } | 'incomplete' | 'malformed';

const INTEGER = /^[+-]?\d+$/u;

function readLine(bytes: Buffer, from: number): { text: string; next: number } | null {
  const end = bytes.indexOf(10, from);
  if (end < 0) return null;
  const text = bytes.toString('utf8', from, end);
  return { text: text.endsWith('\r') ? text.slice(0, -1) : text, next: end + 1 };
}

/** One command as CLIProxyAPI reads it: an array whose elements are bulk strings, simple strings or integers. */
function parseCommand(bytes: Buffer): Parsed {
  if (bytes.length === 0) return 'incomplete';
  if (bytes[0] !== 0x2a) return 'malformed';
  const header = readLine(bytes, 1);
  if (!header) return 'incomplete';
  if (!INTEGER.test(header.text) || Number(header.text) < 0) return 'malformed';
  const args: string[] = [];
  let at = header.next;
  for (let left = Number(header.text); left > 0; left -= 1) {
    const prefix = bytes[at];
    if (prefix === undefined) return 'incomplete';
    if (prefix !== 0x24 && prefix !== 0x2b && prefix !== 0x3a) return 'malformed';
    const line = readLine(bytes, at + 1);
    if (!line) return 'incomplete';
    at = line.next;
    if (prefix !== 0x24) {
      args.push(line.text);
      continue;
    }
    if (!INTEGER.test(line.text)) return 'malformed';
    const length = Number(line.text);
    if (length < 0) {
      args.push('');
      continue;
    }
    if (bytes.length < at + length + 2) return 'incomplete';
    if (bytes[at + length] !== 13 || bytes[at + length + 1] !== 10) return 'malformed';
    args.push(bytes.toString('utf8', at, at + length));
    at += length + 2;
  }
  return { args, used: at };
}

/** Cuts a byte stream into commands. */
export class CommandReader {
  #bytes: Buffer = Buffer.alloc(0);
  #ended = false;
  #waiting: ((input: Input) => void) | null = null;

  push(chunk: Buffer): void {
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
    this.#wake();
  }

  end(): void {
    this.#ended = true;
    this.#wake();
  }

  /** The next command, `null` when none is complete yet. */
  poll(): Input | null {
    const parsed = parseCommand(this.#bytes);
    if (parsed === 'malformed') return { kind: 'malformed', message: 'protocol error' };
    if (parsed === 'incomplete') return this.#ended ? { kind: 'end' } : null;
    this.#bytes = this.#bytes.subarray(parsed.used);
    return { kind: 'command', args: parsed.args };
  }

  next(): Promise<Input> {
    const input = this.poll();
    if (input) return Promise.resolve(input);
    return new Promise((resolve) => {
      this.#waiting = resolve;
    });
  }

  #wake(): void {
    if (!this.#waiting) return;
    const input = this.poll();
    if (!input) return;
    const resolve = this.#waiting;
    this.#waiting = null;
    resolve(input);
  }
}

export const simple = (text: string): Buffer => Buffer.from(`+${text}\r\n`);
export const failure = (text: string): Buffer => Buffer.from(`-${text}\r\n`);
export const NIL = Buffer.from('$-1\r\n');
const CRLF = Buffer.from('\r\n');

export function bulk(payload: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`$${payload.length}\r\n`), payload, CRLF]);
}

export function bulks(payloads: readonly Buffer[]): Buffer {
  return Buffer.concat([Buffer.from(`*${payloads.length}\r\n`), ...payloads.map(bulk)]);
}

/** `*3`, the kind, the channel: what acknowledgements and messages begin with. */
export function pubsubHead(kind: string, channel: string): Buffer {
  return Buffer.concat([Buffer.from('*3\r\n'), bulk(Buffer.from(kind)), bulk(Buffer.from(channel))]);
}

export function acknowledgement(kind: 'subscribe' | 'unsubscribe', channel: string, count: number): Buffer {
  return Buffer.concat([pubsubHead(kind, channel), Buffer.from(`:${count}\r\n`)]);
}

export function message(head: Buffer, payload: Buffer): Buffer {
  const length = `$${payload.length}\r\n`;
  const frame = Buffer.allocUnsafe(head.length + length.length + payload.length + 2);
  head.copy(frame, 0);
  frame.write(length, head.length, 'latin1');
  payload.copy(frame, head.length + length.length);
  frame[frame.length - 2] = 13;
  frame[frame.length - 1] = 10;
  return frame;
}

export function pong(payload: Buffer | null): Buffer {
  return Buffer.concat([Buffer.from('*2\r\n$4\r\npong\r\n'), payload === null ? NIL : bulk(payload)]);
}
