import { setTimeout as delay } from 'node:timers/promises';

import type { Access } from './access.ts';
import type { Connection } from './connection.ts';
import type { DropReason, FateLedger } from './fates.ts';
import { Wire } from './misbehaviour.ts';
import type { Misbehaviours, RespStage } from './misbehaviour.ts';
import type { Channel, UsageQueue } from './queue.ts';
import { CommandReader, NIL, acknowledgement, bulk, bulks, failure, simple } from './resp-wire.ts';
import type { Input } from './resp-wire.ts';
import { Subscription } from './subscription.ts';
import type { Behaviour } from './versions.ts';

const SUPPORT_REFRESH = Buffer.from('{"support_refresh":true}');

/** What the RESP endpoint needs from the stand-in. Read afresh for every command, so that tests can change it. */
export interface RespHost {
  readonly behaviour: Behaviour;
  readonly access: Access;
  readonly usage: UsageQueue;
  readonly errors: UsageQueue;
  readonly ledger: FateLedger;
  readonly misbehaviours: Misbehaviours;
  readonly managementEnabled: boolean;
  /** Answered to every connection that speaks RESP, which is then closed. Null: RESP works. */
  readonly respRefusal: string | null;
  readonly respAuthDelayMs: number;
  messageFirst(): boolean;
  subscriptionStarted(subscription: Subscription): void;
  subscriptionEnded(subscription: Subscription): void;
  changed(): void;
}

/** One RESP connection of CLIProxyAPI, from its first byte to its end. */
export class RespSession {
  readonly #host: RespHost;
  readonly #connection: Connection;
  readonly #reader = new CommandReader();
  readonly #wire: Wire;
  #authenticated = false;

  constructor(host: RespHost, connection: Connection) {
    this.#host = host;
    this.#connection = connection;
    this.#wire = new Wire(connection, host.misbehaviours);
    const { socket } = connection;
    socket.on('data', (chunk: Buffer) => {
      connection.remember(chunk);
      this.#reader.push(chunk);
      host.changed();
    });
    socket.on('end', () => this.#reader.end());
    socket.on('close', () => this.#reader.end());
  }

  /** Resolves when the connection was closed, or went over to a subscription. */
  async run(): Promise<void> {
    if (this.#host.respRefusal !== null) {
      await this.#wire.answer('other', failure(this.#host.respRefusal));
      return this.#connection.finish();
    }
    for (;;) {
      if (!this.#host.managementEnabled) return this.#connection.finish();
      const input = await this.#reader.next();
      const more = await this.#handle(input);
      if (more === 'close') return this.#connection.finish();
      if (more === 'subscribed') return undefined;
    }
  }

  async #handle(input: Input): Promise<'more' | 'close' | 'subscribed'> {
    if (input.kind === 'end') return 'close';
    if (input.kind === 'malformed') {
      await this.#wire.answer('other', failure(`ERR ${input.message}`));
      return 'close';
    }
    const { args } = input;
    this.#connection.commands.push(args);
    this.#host.changed();
    if (args.length === 0) return this.#say('other', failure('ERR empty command'));
    const name = (args[0] ?? '').trim().toUpperCase();
    if (name === 'AUTH') return this.#auth(args);
    if (!this.#authenticated) return this.#say('other', this.#unauthenticated());
    if (name === 'LPOP' || name === 'RPOP') return this.#pop(name.toLowerCase(), args);
    if (name === 'SUBSCRIBE' && this.#host.behaviour.subscribe) return this.#subscribe(args);
    return this.#say('other', failure(`ERR unknown command '${name.toLowerCase()}'`));
  }

  async #say(stage: RespStage, bytes: Buffer): Promise<'more' | 'close'> {
    return (await this.#wire.answer(stage, bytes)) === 'connection' ? 'close' : 'more';
  }

  /** Anything before AUTH counts as a login without a key. */
  #unauthenticated(): Buffer {
    const decision = this.#host.access.decide(this.#connection.address, '');
    if (!decision.allowed && decision.banned) return failure(`ERR ${decision.message}`);
    return failure('NOAUTH Authentication required.');
  }

  async #auth(args: readonly string[]): Promise<'more' | 'close'> {
    const { access, respAuthDelayMs } = this.#host;
    if (args.length !== 2 && args.length !== 3) {
      const decision = access.decide(this.#connection.address, '');
      if (!decision.allowed && decision.banned) return this.#say('auth', failure(`ERR ${decision.message}`));
      return this.#say('auth', failure("ERR wrong number of arguments for 'auth' command"));
    }
    const decision = access.decide(this.#connection.address, args.at(-1) ?? '');
    if (respAuthDelayMs > 0) await delay(respAuthDelayMs);
    this.#host.changed();
    if (!decision.allowed) return this.#say('auth', failure(`ERR ${decision.message}`));
    this.#authenticated = true;
    return this.#say('auth', simple('OK'));
  }

  async #pop(name: string, args: readonly string[]): Promise<'more' | 'close'> {
    const { behaviour, ledger, usage } = this.#host;
    if (args.length !== 2 && args.length !== 3) {
      return this.#say('pop', failure(`ERR wrong number of arguments for '${name}' command`));
    }
    const given = args[2]?.trim();
    const count = given === undefined ? 1 : /^[+-]?\d+$/u.test(given) ? Number(given) : 0;
    if (count <= 0) return this.#say('pop', failure('ERR value is not an integer or out of range'));
    const key = (args[1] ?? '').trim();
    if (behaviour.checksChannel && key.toLowerCase() !== 'usage') {
      return this.#say('pop', failure(`ERR unsupported channel '${key}'`));
    }
    const records = usage.pop(count);
    const payloads = records.map((record) => record.payload);
    const first = payloads[0];
    const answer = given === undefined ? (first ? bulk(first) : NIL) : bulks(payloads);
    const result = await this.#wire.answer('pop', answer);
    for (const record of records) {
      if (result === 'written') ledger.delivered(record);
      else ledger.lost(record, result);
    }
    return result === 'connection' ? 'close' : 'more';
  }

  async #subscribe(args: readonly string[]): Promise<'more' | 'close' | 'subscribed'> {
    const { behaviour, usage, errors } = this.#host;
    if (args.length !== 2) {
      return this.#say('subscribe', failure("ERR wrong number of arguments for 'subscribe' command"));
    }
    const asked = (args[1] ?? '').trim();
    const which = asked.toLowerCase();
    if (which !== 'usage' && !(which === 'errors' && behaviour.checksChannel)) {
      return this.#say('subscribe', failure(`ERR unsupported channel '${asked}'`));
    }
    const queue = which === 'usage' ? usage : errors;
    // Registered before the acknowledgement is written: from here on records go here and not into the queue.
    const channel = queue.subscribe(which === 'usage' ? SUPPORT_REFRESH : null);
    const channelName = behaviour.echoesChannel ? asked : 'usage';
    const result = await this.#wire.answer('subscribe', acknowledgement('subscribe', channelName, 1));
    if (result === 'connection' || this.#connection.socket.destroyed) {
      queue.unsubscribe(channel, 'connection');
      return 'close';
    }
    this.#stream(queue, channel, channelName);
    return 'subscribed';
  }

  #stream(queue: UsageQueue, channel: Channel, channelName: string): void {
    const host = this.#host;
    this.#connection.subscribedTo = channelName;
    const end = (reason: DropReason): void => {
      queue.unsubscribe(channel, reason);
      host.subscriptionEnded(subscription);
    };
    const subscription = new Subscription(
      {
        connection: this.#connection,
        wire: this.#wire,
        reader: this.#reader,
        ledger: host.ledger,
        channel,
        channelName,
        messageFirst: () => host.messageFirst(),
        changed: () => host.changed(),
      },
      end,
    );
    host.subscriptionStarted(subscription);
    subscription.start();
  }
}
