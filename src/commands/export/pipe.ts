import { closeSync, constants, openSync } from 'node:fs';
import { Socket } from 'node:net';
import { systemCode } from '../../lib/files.ts';
import type { CliContext } from '../shared/context.ts';

/** Between two looks whether somebody reads. */
const LOOK_MS = 100;

/**
 * A named pipe, once somebody has opened it to read. Nothing in it stands in the way of an end: a process that opens or
 * writes a pipe in the usual way cannot even exit while nobody reads. Rejects as the system does, and with the signal's
 * reason.
 */
export async function openPipe(path: string, { clock, signal }: CliContext): Promise<Socket> {
  for (;;) {
    signal.throwIfAborted();
    try {
      const fd = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
      return adopt(fd, signal);
    } catch (error) {
      if (systemCode(error) !== 'ENXIO') throw error;
    }
    await clock.sleep(LOOK_MS, signal);
  }
}

function adopt(fd: number, signal: AbortSignal): Socket {
  try {
    // An error is told to whose write fails.
    return new Socket({ fd, readable: false, writable: true, signal }).on('error', () => {});
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** Waits while its reader is slow. Rejects as the system does, and when the pipe was closed meanwhile. */
export function writePipe(pipe: Socket, chunk: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    pipe.write(chunk, (error) => (error ? reject(error) : resolve()));
  });
}
