const UNITS = [
  { name: 'd', ms: 86_400_000 },
  { name: 'h', ms: 3_600_000 },
  { name: 'min', ms: 60_000 },
  { name: 's', ms: 1000 },
] as const;

/** A span of time in its largest whole unit and the next one: `2 h 5 min`, `42 s`. */
export function formatSpan(ms: number): string {
  const at = UNITS.findIndex((unit) => ms >= unit.ms);
  const large = UNITS[at];
  if (!large) return '0 s';
  const small = UNITS[at + 1];
  const rest = small ? Math.floor((ms % large.ms) / small.ms) : 0;
  const first = `${Math.floor(ms / large.ms)} ${large.name}`;
  return small && rest > 0 ? `${first} ${rest} ${small.name}` : first;
}

/** `0 B`, `1.5 KiB`, `12.3 MiB`. */
export function formatBytes(bytes: number): string {
  const names = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let at = 0;
  while (value >= 1024 && at < names.length - 1) {
    value /= 1024;
    at += 1;
  }
  return `${at === 0 ? String(value) : value.toFixed(1)} ${names[at] ?? ''}`;
}
