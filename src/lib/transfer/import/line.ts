import { EventFlag } from '../../contract/event.ts';
import { normaliseRecord } from '../../usage/normalise.ts';
import { asObject, type JsonObject } from '../../usage/readers.ts';
import { rejected, type Imported, type ImportContext } from './context.ts';
import { exportedEvent, givenHash } from './exported.ts';

/** Longest line that is read. No export writes one near it. */
export const MAX_LINE_BYTES = 10 * 1024 * 1024;

/**
 * What one line of a file is: an event of an export (it carries its hash), a record as CLIProxyAPI hands it out, or
 * nothing that can be kept. Never throws. Reasons never quote the line: it may hold keys in clear.
 */
export function importedLine(text: string, context: ImportContext): Imported {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return rejected(notJson(error));
  }
  const record = asObject(value);
  return record === null ? rejected('it is no JSON object') : importedRecord(record, context);
}

function importedRecord(record: JsonObject, context: ImportContext): Imported {
  try {
    const hash = givenHash(record);
    return hash === '' ? gatewayRecord(record, context) : exportedEvent(record, hash, context);
  } catch (error) {
    return rejected(`reading it failed (${error instanceof Error ? error.name : 'unknown'})`);
  }
}

function gatewayRecord(record: JsonObject, context: ImportContext): Imported {
  const result = normaliseRecord(record, { receivedAtMs: context.nowMs, gatewayId: 0 });
  if (result.kind === 'control') return rejected('it is a control message, not a usage record');
  if (result.kind === 'rejected') return rejected(result.detail);
  const { event } = result;
  // Its hash would be another one at every run, and the event be there twice.
  if ((event.flags & EventFlag.timeMissing) !== 0) {
    return rejected('it has neither an event hash nor a time that can be read');
  }
  return { kind: 'event', imported: { event, kept: null, gateway: '' } };
}

function notJson(error: unknown): string {
  const position = error instanceof Error ? /position (\d+)/.exec(error.message)?.[1] : undefined;
  return position === undefined ? 'it is not JSON' : `it is not JSON (at character ${Number(position) + 1})`;
}
