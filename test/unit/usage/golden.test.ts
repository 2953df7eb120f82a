import assert from 'node:assert/strict';
import test from 'node:test';
import type { BillableTokens } from '../../../src/lib/contract/event.ts';
import { eventOf, fixture, flagNames, recordings } from './support.ts';

/** What a record must come to; the numbers were worked out from the providers' conventions, not by the code. */
interface Golden {
  readonly name: string;
  readonly record: unknown;
  readonly expect: {
    readonly tokens: BillableTokens;
    readonly flags: readonly string[];
    readonly mode?: string;
    readonly total?: number;
    readonly failed?: boolean;
    readonly failStatusCode?: number | null;
    readonly failSummary?: string;
    readonly model?: string;
  };
}

interface Recorded extends BillableTokens {
  readonly version: string;
  readonly index: number;
  readonly requestId: string;
  readonly model: string;
  readonly provider: string;
  readonly cacheInputMode: string;
  readonly reportedTotal: number;
  readonly failed: boolean;
  readonly failStatusCode: number | null;
}

const goldens: Golden[] = JSON.parse(fixture('golden/records.json'));
const recorded: Recorded[] = JSON.parse(fixture('golden/recordings.json'));

test('written records', async (t) => {
  for (const { name, record, expect } of goldens) {
    await t.test(name, () => {
      const event = eventOf(record);
      assert.deepEqual(event.tokens, expect.tokens);
      assert.deepEqual(flagNames(event.flags), [...expect.flags].sort());
      if (expect.mode !== undefined) assert.equal(event.cacheInputMode, expect.mode);
      if (expect.total !== undefined) assert.equal(event.reported.total, expect.total);
      if (expect.failed !== undefined) assert.equal(event.failed, expect.failed);
      if (expect.failStatusCode !== undefined) assert.equal(event.failStatusCode, expect.failStatusCode);
      if (expect.failSummary !== undefined) assert.equal(event.failSummary, expect.failSummary);
      if (expect.model !== undefined) assert.equal(event.model, expect.model);
    });
  }
});

test('every record that three versions of CLIProxyAPI handed out', async (t) => {
  for (const version of ['6.10.8', '7.1.39', '7.2.140']) {
    await t.test(version, () => {
      const records = recordings(version);
      const expected = recorded.filter((golden) => golden.version === version);
      assert.equal(records.length, expected.length);
      for (const golden of expected) {
        const event = eventOf(records[golden.index]);
        const { uncachedInput, cacheRead, cacheWrite5m, cacheWrite1h, output, reasoning } = golden;
        assert.deepEqual(
          {
            requestId: event.requestId,
            model: event.model,
            provider: event.provider,
            mode: event.cacheInputMode,
            tokens: event.tokens,
            total: event.reported.total,
            failed: event.failed,
            status: event.failStatusCode,
          },
          {
            requestId: golden.requestId,
            model: golden.model,
            provider: golden.provider,
            mode: golden.cacheInputMode,
            tokens: { uncachedInput, cacheRead, cacheWrite5m, cacheWrite1h, output, reasoning },
            total: golden.reportedTotal,
            failed: golden.failed,
            status: golden.failStatusCode,
          },
          `${version} #${golden.index}`,
        );
      }
    });
  }
});
