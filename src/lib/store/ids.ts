/** Text ids in few bytes. What does not come back to the letter from its packed form stays text. */

const REQUEST_ID = /^[0-9a-f]{8}$/;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const REQ_HEX = /^req_[0-9a-f]{32}$/;
const CF_RAY = /^[0-9a-f]{16}-[A-Z]{3}$/;

/** Bytes of each packed form. They differ, so the length names the form; stored, so none is given a second meaning. */
const LENGTH = { requestId: 4, cfRay: 11, uuid: 16, reqHex: 17 } as const;

/** CLIProxyAPI's request ids are eight lower-case hex digits: four bytes. `''` is NULL. */
export function packRequestId(text: string): Buffer | string | null {
  if (text === '') return null;
  return REQUEST_ID.test(text) ? Buffer.from(text, 'hex') : text;
}

/** Trace ids: UUIDs, OpenAI's `req_` and 32 hex digits, Cloudflare's ray and airport. `''` is NULL. */
export function packTraceId(text: string): Buffer | string | null {
  if (text === '') return null;
  if (UUID.test(text)) return Buffer.from(text.replaceAll('-', ''), 'hex');
  if (REQ_HEX.test(text)) return Buffer.from(`00${text.slice(4)}`, 'hex');
  if (CF_RAY.test(text)) {
    return Buffer.concat([Buffer.from(text.slice(0, 16), 'hex'), Buffer.from(text.slice(17), 'latin1')]);
  }
  return text;
}

/** The text of a packed id of either kind; `''` for NULL. */
export function unpackId(stored: Uint8Array | string | null): string {
  if (stored === null) return '';
  if (typeof stored === 'string') return stored;
  const bytes = Buffer.from(stored.buffer, stored.byteOffset, stored.byteLength);
  const hex = bytes.toString('hex');
  switch (bytes.length) {
    case LENGTH.uuid:
      return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join(
        '-',
      );
    case LENGTH.reqHex:
      return `req_${hex.slice(2)}`;
    case LENGTH.cfRay:
      return `${hex.slice(0, 16)}-${bytes.toString('latin1', 8)}`;
    default:
      return hex;
  }
}

/** The same in SQL, for the views: an expression that gives the text of a column. */
export function unpackIdSql(column: string): string {
  const hex = `lower(hex(${column}))`;
  const uuid = [
    [1, 8],
    [9, 4],
    [13, 4],
    [17, 4],
    [21, 12],
  ]
    .map(([from, count]) => `substr(${hex}, ${from}, ${count})`)
    .join(` || '-' || `);
  return `CASE WHEN typeof(${column}) <> 'blob' THEN ${column} ELSE CASE length(${column})
    WHEN ${LENGTH.uuid} THEN ${uuid}
    WHEN ${LENGTH.reqHex} THEN 'req_' || substr(${hex}, 3)
    WHEN ${LENGTH.cfRay} THEN substr(${hex}, 1, 16) || '-' || CAST(substr(${column}, 9) AS TEXT)
    ELSE ${hex} END END`;
}
