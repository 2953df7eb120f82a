import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, realpath, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import test, { type TestContext } from 'node:test';
import {
  insideContainerLayer,
  isContainerLayer,
  mountOf,
  parseMountInfo,
  runningInContainer,
  type SystemProbe,
} from '../../src/lib/config/container.ts';
import { prepareDataDir } from '../../src/lib/config/data-dir.ts';
import { AppError } from '../../src/lib/errors.ts';

async function tempDir(t: TestContext): Promise<string> {
  const directory = await realpath(await mkdtemp(join(tmpdir(), 'cpamp-place-')));
  t.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

test('a data directory is made for us alone, and left empty', async (t) => {
  const path = join(await tempDir(t), 'a/b');
  await prepareDataDir(path);
  assert.equal((await stat(path)).mode & 0o777, 0o700);
  assert.deepEqual(await readdir(path), []);
});

test('one that is there keeps its mode and its files', async (t) => {
  const path = join(await tempDir(t), 'data');
  await mkdir(path);
  await chmod(path, 0o755);
  await writeFile(join(path, 'usage.sqlite'), 'x');
  await prepareDataDir(path, ['usage.sqlite', 'usage.sqlite-wal', join(path, 'data.key')]);
  assert.equal((await stat(path)).mode & 0o777, 0o755);
  assert.deepEqual(await readdir(path), ['usage.sqlite']);
});

test('a file in the way is named', async (t) => {
  const file = join(await tempDir(t), 'file');
  await writeFile(file, 'x');
  for (const path of [file, join(file, 'below')]) {
    await assert.rejects(prepareDataDir(path), (error) => {
      assert.ok(error instanceof AppError);
      assert.equal(error.code, 'data_dir_unusable');
      assert.ok(
        error.message.includes(file) && error.hint.includes(`${file} is not a directory`),
        error.hint,
      );
      return true;
    });
  }
});

const SCRIPT = join(import.meta.dirname, '../support/prepare-data-dir.ts');
/** Root may write everywhere, so it sends somebody else. */
const NOBODY = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
/** Root's own folders may hide this repository, or node, from everybody else. */
const hidden =
  spawnSync(process.execPath, ['--eval', `fs.readFileSync(${JSON.stringify(SCRIPT)})`], NOBODY).status !== 0;

/** Runs `prepareDataDir` as somebody who is not root, and returns what it said. */
async function prepareAsNobody(path: string, files: readonly string[] = []): Promise<string> {
  const child = spawn(process.execPath, [SCRIPT, path, ...files], {
    stdio: ['ignore', 'pipe', 'inherit'],
    ...NOBODY,
  });
  const [said] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  return said;
}

test(
  'a directory of somebody else is refused with owner, our uid and the line that helps',
  { skip: hidden },
  async (t) => {
    const path = await tempDir(t);
    const us = process.getuid?.() === 0 ? 65_534 : process.getuid?.();
    await chmod(path, 0o555);
    const { uid, gid } = await stat(path);

    const said = await prepareAsNobody(path);
    assert.match(said, /^data_dir_unusable /);
    assert.ok(said.includes(`${path} belongs to uid ${uid} gid ${gid} (mode 555)`), said);
    assert.ok(said.includes(`runs as uid ${us} (EACCES)`), said);
    assert.match(said, new RegExp(`sudo chown -R ${us}:\\d+ ${path}`));

    const below = await prepareAsNobody(join(path, "new data/it's"));
    assert.ok(below.includes(`cannot be made: ${path} belongs to uid ${uid}`), below);
    assert.ok(below.includes(`sudo mkdir -p '${path}/new data/it'\\''s' && sudo chown -R ${us}:`), below);
  },
);

test('a file that was not handed over with its directory is named', { skip: hidden }, async (t) => {
  const path = await tempDir(t);
  await chmod(path, 0o777);
  await writeFile(join(path, 'usage.sqlite'), '', { mode: 0o400 });
  assert.equal(await prepareAsNobody(path), 'ready\n');
  const said = await prepareAsNobody(path, ['usage.sqlite']);
  assert.ok(said.includes(`${join(path, 'usage.sqlite')} belongs to uid`), said);
});

/** Docker with a volume at /data, and a folder of the host with a space in its name. */
const DOCKER = `
640 539 0:61 / / rw,relatime master:262 - overlay overlay rw,lowerdir=/var/lib/docker/overlay2/l/A:/var/lib/docker/overlay2/l/B
641 640 0:64 / /proc rw,nosuid - proc proc rw
642 640 0:65 / /dev rw,nosuid - tmpfs tmpfs rw,size=65536k
650 640 254:1 /docker/volumes/cpamp/_data /data rw,relatime master:1 - ext4 /dev/vda1 rw
651 640 254:1 /home/me/my\\040files /mnt/my\\040files rw,relatime shared:1 master:1 - ext4 /dev/vda1 rw
652 640 254:1 /etc/hosts /etc/hosts rw,relatime - ext4 /dev/vda1 rw
`;
const HOST = '27 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n28 27 0:21 / /proc rw - proc proc rw\n';

test('mounts are read as the kernel writes them', () => {
  const mounts = parseMountInfo(`${DOCKER}\nnonsense\n1 2 3\n`);
  assert.equal(mounts.length, 6);
  assert.deepEqual(mounts[4], {
    root: '/home/me/my files',
    point: '/mnt/my files',
    type: 'ext4',
    source: '/dev/vda1',
  });
  assert.equal(mountOf(mounts, '/data/usage.sqlite')?.point, '/data');
  assert.equal(mountOf(mounts, '/database')?.point, '/');
  assert.equal(mountOf([], '/data'), null);
  const covered = parseMountInfo(`${DOCKER}700 640 0:99 / /data rw - tmpfs tmpfs rw\n`);
  assert.equal(mountOf(covered, '/data')?.type, 'tmpfs', 'the last mount at a point covers the others');
});

test('only what lies on the root of the container is lost with it', () => {
  for (const inside of ['/', '/app/data', '/database', '/mnt/my']) {
    assert.equal(isContainerLayer(DOCKER, inside), true, inside);
  }
  for (const outside of ['/data', '/data/deep/er', '/mnt/my files/x']) {
    assert.equal(isContainerLayer(DOCKER, outside), false, outside);
  }
  assert.equal(isContainerLayer(HOST, '/data'), false);
  assert.equal(isContainerLayer('', '/data'), false);
  const btrfs = '27 1 0:30 /@/var/lib/docker/btrfs/subvolumes/abc / rw - btrfs /dev/vda rw\n';
  const podman = '27 1 0:30 / / rw - fuse.fuse-overlayfs fuse-overlayfs rw\n';
  for (const layer of [btrfs, podman]) assert.equal(isContainerLayer(layer, '/data'), true, layer);
});

test('a container is known by its marks', async (t) => {
  const probe = (over: Partial<SystemProbe>): SystemProbe => ({
    exists: () => false,
    read: (path) => (path === '/proc/self/mountinfo' ? DOCKER : '0::/\n'),
    real: (path) => path,
    ...over,
  });
  assert.equal(runningInContainer(probe({})), false);
  for (const mark of ['/.dockerenv', '/run/.containerenv']) {
    assert.equal(runningInContainer(probe({ exists: (path) => path === mark })), true);
  }
  const pod = '12:pids:/kubepods/besteffort/pod1/abc\n';
  assert.equal(runningInContainer(probe({ read: (path) => (path === '/proc/1/cgroup' ? pod : '') })), true);
  assert.equal(runningInContainer(probe({ read: () => '0::/init.scope\n' })), false);

  assert.equal(insideContainerLayer('/app/data', probe({})), false);
  const exists = () => true;
  assert.equal(insideContainerLayer('/app/data', probe({ exists })), true);
  assert.equal(insideContainerLayer('/data/../app/data', probe({ exists })), true);
  assert.equal(insideContainerLayer('/link', probe({ exists, real: () => '/data/x' })), false);

  const directory = await tempDir(t);
  await symlink(directory, join(directory, 'way'));
  assert.equal(typeof insideContainerLayer(join(directory, 'way/not/yet')), 'boolean');
});
