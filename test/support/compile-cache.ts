import { join } from 'node:path';

/**
 * For the environment of programs that tests start: what Node makes of a TypeScript file is kept from one start to the
 * next. A start takes a third of the CPU time then, and there are thousands.
 */
export const COMPILE_CACHE = {
  NODE_COMPILE_CACHE: join(import.meta.dirname, '../../node_modules/.cache/node'),
} as const;
