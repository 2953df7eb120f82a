import assert from 'node:assert/strict';
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { ConfigFlags } from '../../src/lib/config/sources.ts';
import { loadConfig, type StartConfig } from '../../src/lib/config/start-config.ts';
import { AppError, type ErrorCode } from '../../src/lib/errors.ts';

export interface World {
  readonly cwd: string;
  readonly secrets: string;
  readonly load: (env?: Record<string, string>, flags?: ConfigFlags) => StartConfig;
  /** Writes a config.json (or another file) below the working directory and returns its path. */
  readonly write: (name: string, content: unknown) => Promise<string>;
}

/** A working directory and a folder of mounted secrets, both empty. */
export async function world(t: TestContext): Promise<World> {
  const root = await realpath(await mkdtemp(join(tmpdir(), 'cpamp-config-')));
  t.after(() => rm(root, { recursive: true, force: true }));
  const cwd = join(root, 'work');
  const secrets = join(root, 'secrets');
  await mkdir(cwd);
  await mkdir(secrets);
  return {
    cwd,
    secrets,
    load: (env = {}, flags = {}) => loadConfig({ env, cwd, flags, defaults: { secretsDir: secrets } }),
    write: async (name, content) => {
      const path = join(cwd, name);
      await mkdir(join(path, '..'), { recursive: true });
      await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content));
      return path;
    },
  };
}

/** A check for assert.throws: an AppError of this code whose message has all these words in it. */
export const refused =
  (code: ErrorCode, ...words: readonly string[]) =>
  (error: unknown) => {
    assert.ok(error instanceof AppError, String(error));
    assert.equal(error.code, code);
    for (const word of words) assert.ok(error.message.includes(word), `${word} in: ${error.message}`);
    return true;
  };
