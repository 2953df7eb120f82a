import assert from 'node:assert/strict';
import test from 'node:test';

import { recordedBytes } from '../support/cpa/recordings.ts';
import { RespClient } from '../support/cpa/resp-client.ts';
import { CpaStandIn } from '../support/cpa/stand-in.ts';
import { CPA_VERSIONS } from '../support/cpa/versions.ts';
import type { CpaVersion } from '../support/cpa/versions.ts';

const KEY = 'mgmt-secret-for-lab';

interface Turn {
  /** A command, or raw bytes. */
  readonly send: string | readonly string[];
  /** What the gateway answered before the next turn. */
  answer: string;
}

interface Conversation {
  readonly name: string;
  readonly turns: Turn[];
}

const isTexts = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((item) => typeof item === 'string');

function sent(json: string): string | string[] {
  const value: unknown = JSON.parse(json);
  if (typeof value === 'string' || isTexts(value)) return value;
  throw new Error(`not a turn: ${json}`);
}

function transcript(version: CpaVersion): Conversation[] {
  const conversations: Conversation[] = [];
  for (const line of recordedBytes(version, 'resp-transcript.txt').toString('utf8').split('\n')) {
    const conversation = conversations.at(-1);
    if (line.startsWith('## ')) conversations.push({ name: line.slice(3), turns: [] });
    else if (line.startsWith('> ')) conversation?.turns.push({ send: sent(line.slice(2)), answer: '' });
    else if (line.startsWith('< ')) {
      const turn = conversation?.turns.at(-1);
      if (turn) turn.answer += String(sent(line.slice(2)));
    }
  }
  return conversations;
}

/** The records in recorded bytes, in order. Keys of records have no newline in them. */
const recordsIn = (bytes: string): string[] =>
  bytes.split('\r\n').filter((line) => line.startsWith('{"timestamp"'));

for (const version of CPA_VERSIONS) {
  test(`the recorded conversations with v${version} go the same way, byte for byte`, async (t) => {
    await using cpa = await CpaStandIn.start({ version, managementKey: KEY, select: 'message' });
    const conversations = transcript(version);
    assert.equal(conversations.length, 9);
    const records = conversations.flatMap(({ turns }) => turns.flatMap((turn) => recordsIn(turn.answer)));
    assert.ok(records.length > 10);
    for (const record of records) cpa.publish(record);

    for (const { name, turns } of conversations) {
      await t.test(name, async () => {
        using client = await RespClient.connect(cpa.port);
        for (const turn of turns) {
          if (typeof turn.send === 'string') client.raw(turn.send);
          else client.send(...turn.send);
          assert.equal(await client.bytes(Buffer.byteLength(turn.answer)), turn.answer);
        }
        client.socket.end();
        assert.equal(await client.rest(), '', 'more bytes than were recorded');
      });
    }
    await cpa.settled();
    assert.deepEqual(
      { delivered: cpa.counts().delivered, published: cpa.counts().published },
      { delivered: records.length, published: records.length },
    );
  });
}

for (const version of ['7.1.39', '7.2.140'] as const) {
  test(`the recorded subscription to v${version} is repeated byte for byte`, async () => {
    await using cpa = await CpaStandIn.start({ version, managementKey: KEY });
    const recorded = recordedBytes(version, 'subscribe.resp').toString('utf8');
    using client = await RespClient.connect(cpa.port);
    client.send('AUTH', KEY);
    client.send('SUBSCRIBE', 'usage');
    await cpa.subscribed();
    for (const record of recordsIn(recorded)) cpa.publish(record);
    await cpa.settled();
    assert.equal(await client.bytes(Buffer.byteLength(recorded)), recorded);
    assert.equal(cpa.counts().delivered, recordsIn(recorded).length);
  });
}
