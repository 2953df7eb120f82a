import { AppError } from '../errors.ts';
import type { Holder } from './holders.ts';
import { stopCommand } from './stop-command.ts';

/** How many processes are named. */
const NAMED = 3;

/** `old_program_running`, naming who has it open as far as that is known. */
export function inUse(path: string, holders: readonly Holder[]): AppError {
  const names = holders
    .slice(0, NAMED)
    .map(({ pid, command }) => (command === '' ? `process ${pid}` : `process ${pid} (${command})`));
  const [first] = holders;
  return new AppError('old_program_running', {
    detail: names.length === 0 ? path : `${path}, open in ${names.join(', ')}`,
    ...(first === undefined
      ? {}
      : {
          hint: `Stop it where it was started, so that nothing starts it again, or with: ${stopCommand(first.pid)}`,
        }),
  });
}
