import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Command } from 'commander';
import { commandTree } from '../../src/cli.ts';
import { openContext } from '../../src/commands/shared/context.ts';
import { Exit } from '../../src/lib/errors.ts';

const ROOT = join(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const sorted = (words: Iterable<string>): readonly string[] => [...new Set(words)].toSorted();

async function tree(): Promise<Command> {
  const fail = (): never => assert.fail('nothing of this is wanted to declare a command');
  const context = openContext({ options: fail, ownSignals: true, tree: fail });
  return commandTree(context);
}

/** `-q`, `--quiet`, ... of a command and of the commands below it, as far as help shows them. */
function optionsOf(command: Command): readonly string[] {
  const own = command.options.filter(({ hidden }) => !hidden);
  return [
    ...own.flatMap(({ short, long }) => [short, long]).filter((flag) => flag !== undefined),
    ...command.commands.flatMap(optionsOf),
  ];
}

/** The options that a page has an item for: `.It Fl q , Fl -quiet`. */
function itemsOf(page: string): readonly string[] {
  return [...page.matchAll(/^\.It (Fl .*)$/gm)].flatMap(([, item = '']) =>
    [...item.matchAll(/\bFl (\S+)/g)].map(([, flag = '']) => `-${flag}`),
  );
}

test('every command has a manual page that names exactly its own options', async () => {
  for (const command of (await tree()).commands) {
    const page = read(`man/cpamp-${command.name()}.1`);
    assert.deepEqual(sorted(itemsOf(page)), sorted(optionsOf(command)), command.name());
    assert.match(page, /^\.Sh EXAMPLES$/m, command.name());
    assert.match(page, /^\.Sh EXIT STATUS$/m, command.name());
    for (const below of command.commands) {
      assert.match(page, new RegExp(`\\bCm ${below.name()}( |$)`, 'm'), below.name());
    }
  }
});

test('the page of the program names every command, the options of all, and every exit code', async () => {
  const cpamp = await tree();
  const page = read('man/cpamp.1');
  const own = cpamp.options.filter(({ hidden }) => !hidden);
  const flags = own.flatMap(({ short, long }) => [short, long]).filter((flag) => flag !== undefined);
  assert.deepEqual(sorted(itemsOf(page)), sorted([...flags, '-h', '--help']));
  const commands = [...page.matchAll(/^\.It Cm (\S+)/gm)].map(([, name = '']) => name);
  assert.deepEqual(
    commands,
    cpamp.commands.map((command) => command.name()),
  );
  for (const code of Object.values(Exit)) assert.match(page, new RegExp(`^\\.It ${code}$`, 'm'));
});

test('each page belongs to a command, and the package installs it', async () => {
  const pages = sorted(globSync('man/*', { cwd: ROOT }));
  const names = (await tree()).commands.map((command) => `man/cpamp-${command.name()}.1`);
  assert.deepEqual(pages, sorted(['man/cpamp.1', ...names]));
  const manifest: { man: string[] } = JSON.parse(read('package.json'));
  assert.deepEqual(sorted(manifest.man), pages);
});

test('every command shows examples, and is listed with its summary', async () => {
  const cpamp = await tree();
  for (const command of cpamp.commands) {
    const run = spawnSync(process.execPath, [join(ROOT, 'bin/cpamp.ts'), command.name(), '--help'], {
      encoding: 'utf8',
    });
    assert.equal(run.status, 0, run.stderr);
    assert.match(run.stdout, /^Examples:\n {2}\$ /m, command.name());
    assert.ok(cpamp.helpInformation().includes(command.name()));
  }
});

const MANDOC = spawnSync('mandoc', ['-T', 'lint', '/dev/null']).error === undefined;

test('the manual pages are well formed', { skip: MANDOC ? false : 'mandoc is not installed' }, () => {
  for (const page of globSync('man/*.1', { cwd: ROOT })) {
    const lint = spawnSync('mandoc', ['-T', 'lint', join(ROOT, page)], { encoding: 'utf8' });
    // Whether the pages it refers to are installed is the machine's affair.
    const complaints = lint.stdout
      .split('\n')
      .filter((line) => line !== '' && !/referenced manual not found/.test(line));
    assert.deepEqual(complaints, [], page);
  }
});
