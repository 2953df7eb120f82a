/**
 * The sums of all buckets of `total_5min`, one row a gateway, so that a status is a point read however many buckets
 * there are. Written with them; can be rebuilt from them. Sums stop at 2^53 - 1, as theirs.
 */
const most = (column: string): string => `CAST(min(total(${column}), 9007199254740991) AS INTEGER)`;

export const TOTAL_EVER = `
CREATE TABLE total_ever (
  gateway_id INTEGER PRIMARY KEY,
  calls INTEGER NOT NULL,
  failed INTEGER NOT NULL,
  uncached_input INTEGER NOT NULL,
  cache_read INTEGER NOT NULL,
  cache_write_5m INTEGER NOT NULL,
  cache_write_1h INTEGER NOT NULL,
  output INTEGER NOT NULL,
  reasoning INTEGER NOT NULL,
  cost_nano INTEGER NOT NULL,
  unpriced INTEGER NOT NULL,
  latency_sum_ms INTEGER NOT NULL,
  latency_count INTEGER NOT NULL
) STRICT;

INSERT INTO total_ever
  SELECT gateway_id, ${most('calls')}, ${most('failed')}, ${most('uncached_input')}, ${most('cache_read')},
    ${most('cache_write_5m')}, ${most('cache_write_1h')}, ${most('output')}, ${most('reasoning')},
    ${most('cost_nano')}, ${most('unpriced')}, ${most('latency_sum_ms')}, ${most('latency_count')}
  FROM total_5min GROUP BY gateway_id;
`;
