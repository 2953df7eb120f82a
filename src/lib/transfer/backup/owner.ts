import { lchown, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { kindAt } from './copy.ts';

/** What root makes, it makes for the one whose `like` is: a file, or a folder with all that is in it. */
export async function giveToOwner(path: string, like: string): Promise<void> {
  if (process.getuid?.() !== 0) return;
  const { uid, gid } = await stat(like);
  if (uid === 0) return;
  const give = async (at: string): Promise<void> => {
    await lchown(at, uid, gid);
    if ((await kindAt(at)) !== 'directory') return;
    for (const name of await readdir(at)) await give(join(at, name));
  };
  await give(path);
}
