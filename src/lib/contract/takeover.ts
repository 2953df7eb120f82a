/** What a batch of events from an old volume says of its place there. Moves on in the transactions that store it. */
export interface TakeoverMark {
  /** What the old volume is called. */
  readonly source: string;
  /** The first batch of a copy that begins anew: what was noted of one before is forgotten. */
  readonly begin: boolean;
  /** The old rowid of each row of the batch. */
  readonly ids: readonly number[];
  /** Old rowids of those that were taken without what of them lies on damaged pages: a text, the record they keep. */
  readonly shortened: readonly number[];
  /** Everything up to this old rowid is dealt with once the batch is stored. */
  readonly last: number;
  /** There is nothing behind it. */
  readonly end: boolean;
}
