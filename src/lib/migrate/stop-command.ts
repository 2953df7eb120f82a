import { readFileSync } from 'node:fs';

/**
 * How a process is stopped so that nothing starts it again: through Docker or systemd where they started it, as far as its
 * control groups tell, else by its id.
 */
export function stopCommand(pid: number): string {
  const groups = groupsOf(pid);
  // What runs beside us in one container, or was started by one service, is not stopped by stopping that.
  const command = groups === groupsOf('self') ? null : commandOf(groups);
  return command ?? `kill ${pid}`;
}

/** The same from the text of `/proc/PID/cgroup`; null where neither is named. */
export function commandOf(groups: string): string | null {
  // cgroup v2 `/system.slice/docker-ID.scope`, v1 `/docker/ID`; Podman `libpod-ID.scope`.
  const [, engine, id] = /(docker|libpod)[-/]([0-9a-f]{12})[0-9a-f]{52}\b/.exec(groups) ?? [];
  if (id !== undefined) return `${engine === 'libpod' ? 'podman' : 'docker'} stop ${id}`;
  for (const line of groups.split('\n')) {
    const path = line.split('/');
    const unit = path.at(-1) ?? '';
    if (!unit.endsWith('.service') || USERS.test(unit)) continue;
    return `systemctl ${path.some((part) => USERS.test(part)) ? '--user ' : ''}stop ${unit}`;
  }
  return null;
}

/** What runs the services of a user. */
const USERS = /^user@\d+\.service$/;

function groupsOf(pid: number | 'self'): string {
  try {
    return readFileSync(`/proc/${pid}/cgroup`, 'utf8');
  } catch {
    return '';
  }
}
