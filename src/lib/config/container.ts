import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/** What is asked of the system. Tests answer for it. */
export interface SystemProbe {
  exists(path: string): boolean;
  /** A variable of the environment. */
  variable?(name: string): string | undefined;
  /** `''` when the file cannot be read. */
  read(path: string): string;
  /** The path without symbolic links; of what does not exist yet, that of the nearest folder that does. */
  real(path: string): string;
}

/** One line of `/proc/self/mountinfo` (proc_pid_mountinfo(5)), as far as it matters here. */
export interface Mount {
  /** The folder of the file system that is seen at the mount point. */
  readonly root: string;
  readonly point: string;
  readonly type: string;
  readonly source: string;
}

/** Reads the text of `/proc/self/mountinfo`. Lines that it does not understand are left out. */
export function parseMountInfo(text: string): readonly Mount[] {
  return text.split('\n').flatMap((line) => {
    // id, parent, device, root, mount point, options, optional fields, a lone dash, type, source, more options
    const [before = '', after = ''] = line.split(' - ', 2);
    const [, , , root, point] = before.split(' ');
    const [type, source] = after.split(' ');
    return root === undefined || point === undefined || type === undefined
      ? []
      : [{ root: unescape(root), point: unescape(point), type, source: unescape(source ?? '') }];
  });
}

/** The mount that a path lies on: the deepest, and of several at one point the last, which covers the others. */
export function mountOf(mounts: readonly Mount[], path: string): Mount | null {
  let found: Mount | null = null;
  for (const mount of mounts) {
    const below = mount.point === '/' || path === mount.point || path.startsWith(`${mount.point}/`);
    if (below && mount.point.length >= (found?.point.length ?? 0)) found = mount;
  }
  return found;
}

/**
 * Whether a path lies on the container's own root file system, which is thrown away with the container. Most engines
 * make it an overlay; those on btrfs, zfs or plain folders keep it below a folder of theirs.
 */
export function isContainerLayer(mountInfo: string, path: string): boolean {
  const mount = mountOf(parseMountInfo(mountInfo), path);
  if (mount?.point !== '/') return false;
  return (
    ['overlay', 'aufs', 'fuse.fuse-overlayfs'].includes(mount.type) ||
    [mount.root, mount.source].some((text) => /\/docker[/-]|\/containers\/|\/containerd\//.test(text))
  );
}

/**
 * Docker and Podman leave a file in the root; others show in the control groups, or (Kubernetes) in the environment.
 */
export function runningInContainer(probe: SystemProbe = SYSTEM): boolean {
  return (
    probe.exists('/.dockerenv') ||
    probe.exists('/run/.containerenv') ||
    (probe.variable?.('KUBERNETES_SERVICE_HOST') ?? '') !== '' ||
    /docker|kubepods|containerd|libpod|crio/.test(probe.read('/proc/1/cgroup'))
  );
}

/** Whether what is written at this path is gone when the container that we run in is replaced. */
export function insideContainerLayer(path: string, probe: SystemProbe = SYSTEM): boolean {
  return (
    runningInContainer(probe) &&
    isContainerLayer(probe.read('/proc/self/mountinfo'), probe.real(resolve(path)))
  );
}

const SYSTEM: SystemProbe = {
  exists: existsSync,
  variable: (name) => process.env[name],
  read: (path) => {
    try {
      return readFileSync(path, 'utf8');
    } catch {
      return '';
    }
  },
  real: (path) => {
    for (let at = path; ; at = dirname(at)) {
      try {
        return realpathSync(at);
      } catch {
        if (at === dirname(at)) return at;
      }
    }
  },
};

/** Space, tab, line end and backslash are written as three octal digits. */
function unescape(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
