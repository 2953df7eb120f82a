import type { AliasesAnswer } from '../../contract/api/prices.ts';
import { readAliases } from '../alias-store.ts';
import type { Db } from '../sqlite.ts';
import type { Steps } from './index.ts';

/** All names of client keys. */
export function* answerAliases(db: Db): Steps<AliasesAnswer> {
  yield;
  return { items: readAliases(db) };
}
