import assert from 'node:assert/strict';
import { test } from 'node:test';
import { commandOf, stopCommand } from '../../src/lib/migrate/stop-command.ts';

const ID = '3f2a085849d055e065d9e7d7cad6373a3f2a085849d055e065d9e7d7cad6373a';

const CASES: ReadonlyArray<readonly [groups: string, command: string | null]> = [
  [`0::/system.slice/docker-${ID}.scope\n`, `docker stop ${ID.slice(0, 12)}`],
  [`12:pids:/docker/${ID}\n1:cpu:/docker/${ID}\n`, `docker stop ${ID.slice(0, 12)}`],
  [
    `0::/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-${ID}.scope\n`,
    `podman stop ${ID.slice(0, 12)}`,
  ],
  ['0::/system.slice/cpa-manager-plus.service\n', 'systemctl stop cpa-manager-plus.service'],
  ['0::/system.slice/system-cpamp.slice/cpamp@two.service\n', 'systemctl stop cpamp@two.service'],
  [
    '0::/user.slice/user-1000.slice/user@1000.service/app.slice/cpa.service\n',
    'systemctl --user stop cpa.service',
  ],
  // Started in a terminal, by hand.
  ['0::/user.slice/user-1000.slice/session-3.scope\n', null],
  ['0::/user.slice/user-1000.slice/user@1000.service/app.slice/tmux.scope\n', null],
  ['0::/\n', null],
  ['', null],
];

test('a process is stopped through what started it', () => {
  for (const [groups, command] of CASES) assert.equal(commandOf(groups), command, groups);
});

test('one that nobody knows of, or that runs where we do, is ended by its id', () => {
  for (const pid of [2 ** 30, process.ppid]) assert.equal(stopCommand(pid), `kill ${pid}`);
});
