import type { Connection } from './connection.ts';
import type { DropReason, FateLedger } from './fates.ts';
import type { Wire } from './misbehaviour.ts';
import type { Channel, ChannelItem } from './queue.ts';
import { acknowledgement, failure, message, pong, pubsubHead, simple } from './resp-wire.ts';
import type { CommandReader, Input } from './resp-wire.ts';

export interface SubscriptionParts {
  readonly connection: Connection;
  readonly wire: Wire;
  readonly reader: CommandReader;
  readonly ledger: FateLedger;
  readonly channel: Channel;
  readonly channelName: string;
  /** Asked when a message and a command wait at once: true takes the message. CLIProxyAPI tosses a coin each time. */
  readonly messageFirst: () => boolean;
  /** Called for every command that came in. */
  readonly changed: () => void;
}

/**
 * The writer of one subscription. Like CLIProxyAPI it takes one message from the buffer, writes it, and waits until
 * the kernel has it before it takes the next; so a client that does not read fills the kernel's buffers first and the
 * 256 messages of the channel after that.
 */
export class Subscription {
  readonly connection: Connection;
  readonly #parts: SubscriptionParts;
  readonly #head: Buffer;
  readonly #inputs: Input[] = [];
  readonly #end: (reason: DropReason) => void;
  #writing = false;
  #held = false;
  #over = false;

  /** `end` is called once; what is still in the channel then is lost for the reason given. */
  constructor(parts: SubscriptionParts, end: (reason: DropReason) => void) {
    this.#parts = parts;
    this.connection = parts.connection;
    this.#head = pubsubHead('message', parts.channelName);
    this.#end = end;
  }

  start(): void {
    const { channel, connection } = this.#parts;
    channel.ready = () => this.#step();
    connection.socket.once('close', () => this.#finish('connection'));
    void this.#readCommands();
    this.#step();
  }

  /** Stops taking messages, as if the client's receive window were full. */
  hold(): void {
    this.#held = true;
  }

  release(): void {
    this.#held = false;
    this.#step();
  }

  /** Breaks the connection at whatever point it is. */
  cut(how: 'fin' | 'rst'): void {
    this.#finish('connection');
    if (how === 'fin') this.connection.finish();
    else this.connection.reset();
  }

  async #readCommands(): Promise<void> {
    for (;;) {
      const input = await this.#parts.reader.next();
      if (input.kind === 'command') this.connection.commands.push(input.args);
      this.#inputs.push(input);
      this.#parts.changed();
      this.#step();
      if (input.kind !== 'command') return;
    }
  }

  #step(): void {
    if (this.#writing || this.#held || this.#over) return;
    const { channel } = this.#parts;
    const hasMessage = channel.length > 0 || channel.closed;
    const hasInput = this.#inputs.length > 0;
    if (hasMessage && (!hasInput || this.#parts.messageFirst())) {
      const item = channel.take();
      if (item) this.#writeMessage(item);
      else this.#close('connection');
    } else if (hasInput) {
      const input = this.#inputs.shift();
      if (input) this.#handle(input);
    }
  }

  #writeMessage(item: ChannelItem): void {
    const { ledger, wire } = this.#parts;
    this.#writing = true;
    wire.send('message', message(this.#head, item.payload), (result) => {
      this.#writing = false;
      if (item.record) {
        if (result === 'written') ledger.delivered(item.record);
        else ledger.lost(item.record, result);
      }
      if (result === 'connection') this.#close('connection');
      else this.#step();
    });
  }

  #handle(input: Input): void {
    if (input.kind === 'end') return this.#close('connection');
    if (input.kind === 'malformed') return this.#reply(failure(`ERR ${input.message}`), 'connection');
    const name = (input.args[0] ?? '').trim().toUpperCase();
    if (input.args.length === 0) return this.#reply(failure('ERR empty command'), null);
    switch (name) {
      case 'PING': {
        const payload = input.args[1];
        return this.#reply(pong(payload === undefined ? null : Buffer.from(payload)), null);
      }
      case 'UNSUBSCRIBE':
        return this.#reply(acknowledgement('unsubscribe', this.#parts.channelName, 0), 'unsubscribed');
      case 'QUIT':
        return this.#reply(simple('OK'), 'unsubscribed');
      default:
        return this.#reply(failure(`ERR unknown command '${name.toLowerCase()}'`), null);
    }
  }

  /** `thenClose`: why the connection ends after this reply, null when it goes on. */
  #reply(bytes: Buffer, thenClose: DropReason | null): void {
    this.#writing = true;
    this.#parts.wire.send('other', bytes, (result) => {
      this.#writing = false;
      if (result === 'connection') this.#close('connection');
      else if (thenClose) this.#close(thenClose);
      else this.#step();
    });
  }

  #close(reason: DropReason): void {
    this.#finish(reason);
    this.connection.finish();
  }

  #finish(reason: DropReason): void {
    if (this.#over) return;
    this.#over = true;
    this.connection.subscribedTo = null;
    this.#end(reason);
  }
}
