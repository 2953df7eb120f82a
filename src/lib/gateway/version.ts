/**
 * Whether a gateway's version is below another one. Release images say `v7.2.140`, archives `7.2.140`; builds from
 * source say `dev`, which is below nothing.
 */
export function isOlderVersion(version: string, than: string): boolean {
  const mine = parts(version);
  const other = parts(than);
  if (mine === null || other === null) return false;
  for (const [index, wanted] of other.entries()) {
    const part = mine[index] ?? 0;
    if (part !== wanted) return part < wanted;
  }
  return false;
}

function parts(version: string): readonly number[] | null {
  const match = /^v?(\d+)\.(\d+)\.(\d+)/.exec(version.trim());
  return match && match.slice(1, 4).map(Number);
}
