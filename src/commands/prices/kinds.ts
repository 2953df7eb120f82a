/** What the price of a model can be, as `prices list --source` takes it. */
export const KINDS = ['manual', 'synced', 'embedded', 'missing'] as const;
export type Kind = (typeof KINDS)[number];
