import { readFileSync } from 'node:fs';

/**
 * How a process is stopped so that nothing starts it again: through Docker or systemd where they started it, as far as its
 * control groups tell, else by its id.
 */
export function stopCommand(pid: number): string {
  return commandOf(groupsOf(pid)) ?? `kill ${pid}`;
}

/** The same from the text of `/proc/PID/cgroup`; null where neither is named. */
export function commandOf(groups: string): string | null {
  // cgroup v2 `/system.slice/docker-ID.scope`, v1 `/docker/ID`; Podman `libpod-ID.scope`.
  const [, engine, id] = /(docker|libpod)[-/]([0-9a-f]{12})[0-9a-f]{52}\b/.exec(groups) ?? [];
  if (id !== undefined) return `${engine === 'libpod' ? 'podman' : 'docker'} stop ${id}`;
  const [, user, unit] = /(\/user@\d+\.service)?\/[\w.@\\/-]*?([\w.@\\-]+\.service)\s*$/m.exec(groups) ?? [];
  if (unit === undefined || /^user@\d+\.service$/.test(unit)) return null;
  return `systemctl ${user === undefined ? '' : '--user '}stop ${unit}`;
}

function groupsOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cgroup`, 'utf8');
  } catch {
    return '';
  }
}
