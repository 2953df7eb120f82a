/** Reads what an event's response headers told: groups of scalars, and groups of those. */
export type Group = Readonly<Record<string, unknown>>;

export function groupOf(holder: Group | null, name: string): Group {
  const value = holder?.[name];
  return isGroup(value) ? value : {};
}

export function numberAt(group: Group, name: string): number | null {
  const value = group[name];
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

function isGroup(value: unknown): value is Group {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** `reset_at_ms` as `reset at`: how a field is called where it has no better name. */
function fieldName(name: string): string {
  return name.replace(/_(?:ms|seconds)$/, '').replaceAll('_', ' ');
}

/** The scalars of a group and of the groups in it, with the way to each; `skip` names fields that are shown elsewhere. */
export function* scalarsOf(
  group: Group,
  skip: readonly string[] = [],
  path = '',
): Generator<readonly [field: string, name: string, value: string | number | boolean]> {
  for (const [field, value] of Object.entries(group)) {
    if (skip.includes(field)) continue;
    const name = path === '' ? fieldName(field) : `${path} ${fieldName(field)}`;
    if (isGroup(value)) yield* scalarsOf(value, [], name);
    else if (Array.isArray(value)) yield [field, name, value.map((one) => JSON.stringify(one)).join(', ')];
    else if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') {
      yield [field, name, value];
    }
  }
}
