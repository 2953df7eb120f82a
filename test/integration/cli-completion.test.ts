import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { Command } from 'commander';
import { commandTree } from '../../src/cli.ts';
import { openContext } from '../../src/commands/shared/context.ts';
import { CliProcess, NO_PTY, runCli } from '../support/cli.ts';
import { tempDir } from '../support/daemon.ts';
import { lockDatabase } from '../support/database-lock.ts';
import { storeCore, storeDb, call, record } from '../support/store-harness.ts';

const PROGRAM = join(import.meta.dirname, '../../bin/cpamp.ts');
const missing = (shell: string): string | false =>
  spawnSync(shell, ['-c', 'true']).error === undefined ? false : `${shell} is not installed`;
/** What a shell would run, were it in the script as it is. */
const EVIL = '$(touch pwned)`touch pwned`';
const sorted = (words: Iterable<string>): string[] => [...new Set(words)].toSorted();

interface Place {
  readonly dir: string;
  readonly dataDir: string;
  readonly env: Record<string, string>;
}

/** A directory with `cpamp` in its `bin`, the scripts, and a database with names of all sorts. */
async function place(t: TestContext): Promise<Place> {
  const dir = tempDir(t);
  const dataDir = join(dir, 'data');
  mkdirSync(join(dir, 'bin'));
  mkdirSync(dataDir);
  writeFileSync(join(dir, 'export-of-november.jsonl'), '');
  const program = join(dir, 'bin/cpamp');
  writeFileSync(program, `#!/bin/sh\nexec '${process.execPath}' '${PROGRAM}' "$@"\n`);
  chmodSync(program, 0o755);
  const db = storeDb(t, join(dataDir, 'usage.sqlite'));
  const models = ['gpt-5', 'vendor/model:free', 'two words', '模型-一', EVIL, 'ctrl\u001B[2J'];
  storeCore(db).commit(
    models.map((model, at) => record(call({ model, alias: model, request_id: `0000000${at}` }))),
    null,
  );
  // As an older program could have stored it.
  db.prepare('UPDATE model SET name = ?, requested = ? WHERE name LIKE ?').run('ctrl\u001B[2J', '', 'ctrl%');
  for (const shell of ['bash', 'zsh', 'fish']) {
    const done = await runCli(t, ['completion', shell], { cwd: dir });
    assert.deepEqual([done.code, done.stderr], [0, '']);
    writeFileSync(join(dir, `completion.${shell}`), done.stdout);
  }
  const env = { PATH: `${join(dir, 'bin')}:${process.env['PATH'] ?? ''}`, USAGE_DATA_DIR: dataDir };
  return { dir, dataDir, env };
}

/** Every command with all that help shows of its options, those of the program behind. */
async function everything(): Promise<ReadonlyArray<{ path: string; flags: string[]; below: string[] }>> {
  const fail = (): never => assert.fail('nothing of this is wanted to declare a command');
  const program = await commandTree(openContext({ options: fail, ownSignals: true, tree: fail }));
  const flagsOf = (command: Command): string[] =>
    command.options
      .filter(({ hidden }) => !hidden)
      .flatMap(({ short, long }) => [short, long])
      .filter((flag) => flag !== undefined);
  const common = [...flagsOf(program), '-h', '--help'];
  const walk = (
    command: Command,
    path: string,
  ): Array<{ path: string; flags: string[]; below: string[] }> => [
    {
      path,
      flags: sorted([...flagsOf(command), ...common]),
      below: sorted([...command.commands.map((one) => one.name()), ...(path === 'cpamp' ? ['help'] : [])]),
    },
    ...command.commands.flatMap((one) => walk(one, `${path} ${one.name()}`)),
  ];
  return walk(program, 'cpamp');
}

/** What bash is offered for each of these lines, as its completion function answers. */
function askBash({ dir, env }: Place, lines: readonly string[]): string[][] {
  // bash cuts at = and : too, and hands those over as words.
  const ask = String.raw`
source ./completion.bash
while IFS= read -r COMP_LINE; do
  COMP_POINT=${'$'}{#COMP_LINE} COMP_WORDS=()
  while IFS= read -r word; do COMP_WORDS+=("$word"); done < <(
    printf '%s\n' "$COMP_LINE" | sed -E 's/([=:]+)/\n\1\n/g; s/ +/\n/g' | sed '/^$/d'
  )
  case "$COMP_LINE" in *' '|*'=') COMP_WORDS+=('') ;; esac
  COMP_CWORD=$((${'$'}{#COMP_WORDS[@]} - 1)) COMPREPLY=()
  _cpamp cpamp
  printf '%s\t' "${'$'}{COMPREPLY[@]}"
  printf '\n'
done`;
  const done = spawnSync('bash', ['--norc', '-c', ask], {
    cwd: dir,
    env: { ...env, LC_ALL: 'C.UTF-8' },
    input: lines.map((line) => `${line}\n`).join(''),
    encoding: 'utf8',
  });
  assert.equal(done.stderr, '');
  return done.stdout
    .split('\n')
    .slice(0, -1)
    .map((line) => line.split('\t').filter((word) => word !== ''));
}

test('bash is offered every command and every option, and nothing else', async (t) => {
  const world = await place(t);
  const all = await everything();
  assert.ok(all.length > 10);
  const flags = askBash(
    world,
    all.map(({ path }) => `${path} -`),
  );
  const below = askBash(
    world,
    all.map(({ path }) => `${path} `),
  );
  for (const [at, command] of all.entries()) {
    assert.deepEqual(sorted(flags[at] ?? []), command.flags, command.path);
    if (command.below.length > 0) assert.deepEqual(sorted(below[at] ?? []), command.below, command.path);
  }
});

test('zsh and fish have every command and every option in their scripts', async (t) => {
  const { dir } = await place(t);
  for (const shell of ['zsh', 'fish']) {
    const script = readFileSync(join(dir, `completion.${shell}`), 'utf8');
    for (const { path, flags } of await everything()) {
      const own = path.replace(/^cpamp ?/, '');
      if (own !== '') assert.ok(script.includes(own), `${shell}: ${path}`);
      for (const flag of flags) {
        const written =
          shell === 'zsh'
            ? `'${flag}:`
            : flag.startsWith('--')
              ? `-l ${flag.slice(2)} `
              : `-s ${flag.slice(1)} `;
        assert.ok(script.includes(written), `${shell}: ${path} ${flag}`);
      }
    }
  }
});

test('bash is offered values: words, names from the database, and of the place that is typed', async (t) => {
  const world = await place(t);
  const empty = join(world.dir, 'empty');
  const cases: ReadonlyArray<readonly [line: string, offered: readonly string[]]> = [
    ['cpamp prices list --source ', ['embedded', 'manual', 'missing', 'synced']],
    ['cpamp prices list --source=m', ['manual', 'missing']],
    ['cpamp setup --mode s', ['subscribe']],
    ['cpamp completion ', ['bash', 'fish', 'zsh']],
    ['cpamp help ev', ['events']],
    ['cpamp events --tz Europe/Berl', ['Europe/Berlin']],
    ['cpamp events --model gpt', ['gpt-5']],
    ['cpamp --json events --failed --model=gpt', ['gpt-5']],
    ['cpamp events --model vendor/model:f', ['free']],
    ['cpamp events --model two', [String.raw`two\ words`]],
    ['cpamp events --model "two', ['two words']],
    ['cpamp events --model 模', ['模型-一']],
    ['cpamp events --model ctrl', []],
    ['cpamp events --provider c', ['codex']],
    [`cpamp --data-dir ${empty} events --model g`, []],
    ['cpamp events --model gpt-5 --credential c8', ['c805775d56a08c5b']],
    ['cpamp aliases unset ', ['b8e3ea0cba2a']],
    ['cpamp nonsense ', []],
  ];
  const answers = askBash(
    world,
    cases.map(([line]) => line),
  );
  for (const [at, [line, offered]] of cases.entries()) {
    if (line.startsWith('cpamp aliases')) assert.match((answers[at] ?? []).join(), /^[0-9a-f]{12}$/);
    else assert.deepEqual(sorted(answers[at] ?? []), sorted(offered), line);
  }
  const [evil] = askBash(world, ['cpamp events --model $']);
  assert.equal(evil?.length, 1);
  // What bash makes of it when the line is run is the name again.
  const echoed = spawnSync('bash', ['-c', `printf %s ${evil?.[0]}`], { cwd: world.dir, encoding: 'utf8' });
  assert.equal(echoed.stdout, EVIL);
  assert.ok(!existsSync(join(world.dir, 'pwned')));
  assert.deepEqual(readdirSync(world.dir).includes('empty'), false, 'nothing is made on the way');
});

/** Types at a real shell: what it completes is shown by printing the line in place of running it. */
async function typeAt(
  t: TestContext,
  { dir, env }: Place,
  shell: string,
  start: readonly string[],
  typed: string,
): Promise<string> {
  const script = new CliProcess(t, 'script', ['-qefc', shell, '/dev/null'], {
    cwd: dir,
    env: { ...env, TERM: 'dumb', HOME: dir, PS1: '> ', LC_ALL: 'C.UTF-8' },
  });
  for (const line of start) script.child.stdin.write(`${line}\n`);
  script.child.stdin.write(`printf 'rea%s\\n' dy\n`);
  await script.until(({ stdout }) => /^ready\r?$/m.test(stdout));
  const begun = script.stdout.length;
  // Keys wait for the completion before them to end.
  script.child.stdin.write(`${typed}\t\u0001printf '[%s]' \u0005\n`);
  const words = (): string | undefined => /\n((?:\[[^\]\r\n]*\])+)/.exec(script.stdout.slice(begun))?.[1];
  await script.until(() => words() !== undefined);
  script.child.stdin.write('exit\n');
  await script.end();
  return (words() ?? '').slice(1, -1).replaceAll('][', ' ');
}

const NO_ZSH = missing('zsh') || NO_PTY;

test('a real bash completes as it is typed to, file names too', { skip: NO_PTY }, async (t) => {
  const world = await place(t);
  const start = ['source ./completion.bash'];
  const bash = 'bash --norc --noprofile -i';
  assert.equal(await typeAt(t, world, bash, start, 'cpamp even'), 'cpamp events');
  assert.equal(
    await typeAt(t, world, bash, start, 'cpamp events --model=vendor/model:f'),
    'cpamp events --model=vendor/model:free',
  );
  assert.equal(
    await typeAt(t, world, bash, start, 'cpamp import export-of'),
    'cpamp import export-of-november.jsonl',
  );
});

test('a real zsh completes as it is typed to', { skip: NO_ZSH }, async (t) => {
  const world = await place(t);
  const checked = spawnSync('zsh', ['-n', 'completion.zsh'], { cwd: world.dir, encoding: 'utf8' });
  assert.deepEqual([checked.status, checked.stderr], [0, '']);
  const start = ['autoload -Uz compinit; compinit -u -D; source ./completion.zsh'];
  const zsh = 'zsh -f -i';
  for (const [typed, completed] of [
    ['cpamp even', 'cpamp events'],
    ['cpamp prices list --source mi', 'cpamp prices list --source missing'],
    ['cpamp events --model=vendor/model:f', 'cpamp events --model=vendor/model:free'],
    ['cpamp events --provider co', 'cpamp events --provider codex'],
    ['cpamp import export-of', 'cpamp import export-of-november.jsonl'],
  ] as const) {
    assert.equal(await typeAt(t, world, zsh, start, typed), completed);
  }
});

test('a real fish is offered the same', { skip: missing('fish') }, async (t) => {
  const world = await place(t);
  const env = { ...world.env, HOME: world.dir };
  const ask = (line: string): string[] => {
    const done = spawnSync('fish', ['-N', '-c', `source ./completion.fish; complete -C '${line}'`], {
      cwd: world.dir,
      env,
      encoding: 'utf8',
    });
    assert.equal(done.stderr, '');
    return sorted(
      done.stdout
        .split('\n')
        .map((each) => each.split('\t')[0] ?? '')
        .filter((word) => word !== ''),
    );
  };
  assert.deepEqual(ask('cpamp even'), ['events']);
  for (const { path, below } of await everything()) {
    if (below.length > 0) assert.deepEqual(ask(`${path} `), below, path);
  }
  assert.deepEqual(ask('cpamp prices list --source m'), ['manual', 'missing']);
  assert.deepEqual(ask('cpamp -v events --model g'), ['gpt-5']);
  assert.deepEqual(ask(`cpamp --data-dir ${world.dir}/none events --model g`), []);
  assert.deepEqual(ask('cpamp import export'), ['export-of-november.jsonl']);
  assert.ok(!existsSync(join(world.dir, 'pwned')));
});

test('names are listed fast and silently, whatever the database is', async (t) => {
  const { dataDir, dir } = await place(t);
  const list = (kind: string, prefix: string, at = dataDir) =>
    runCli(t, ['--data-dir', at, 'completion', '--list', kind, '--', prefix], { cwd: dir });
  const models = await list('models', '');
  assert.deepEqual(
    models.stdout.trimEnd().split('\n').toSorted(),
    ['gpt-5', 'vendor/model:free', 'two words', '模型-一', EVIL].toSorted(),
  );
  assert.equal((await list('keys', '')).stdout.length, 13);
  assert.ok(!(await list('credentials', '')).stdout.includes('sk-upstream-openai-bbbb'));
  writeFileSync(join(dir, 'usage.sqlite'), 'this is no database');
  const locked = tempDir(t);
  storeDb(t, join(locked, 'usage.sqlite')).close();
  await lockDatabase(t, locked, 'alone');
  for (const [kind, at] of [
    ['models', join(dir, 'nowhere')],
    ['models', dir],
    ['models', locked],
    ['passwords', dataDir],
  ] as const) {
    const done = await list(kind, '', at);
    assert.deepEqual([done.code, done.stdout, done.stderr], [0, '', ''], at);
  }
  const wrong = await runCli(t, ['completion', 'tcsh']);
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /bash, zsh, fish, not for tcsh/);
  assert.equal((await runCli(t, ['completion'])).code, 2);
});
