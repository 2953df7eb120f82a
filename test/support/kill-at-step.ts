// Loaded before the program (`node --import`): ends it by force before the nth time that it moves, copies or removes a
// file while the file KILL_WHILE is there. No way of sending a signal from outside hits one step of several.
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

const path = process.env['KILL_WHILE'] ?? '';
let left = Number(process.env['KILL_AT_STEP']);

for (const name of ['rename', 'copyFile', 'rm'] as const) {
  const real = fs.promises[name];
  Reflect.set(fs.promises, name, (...args: unknown[]): unknown => {
    if (fs.existsSync(path)) {
      left -= 1;
      if (left === 0) process.kill(process.pid, 'SIGKILL');
    }
    return Reflect.apply(real, fs.promises, args);
  });
}
syncBuiltinESMExports();
