import { extname } from 'node:path';

/** The file of a worker that lies beside the calling module, as `.ts` from the sources and `.js` when compiled. */
export function workerUrl(name: string, moduleUrl: string): URL {
  return new URL(`./${name}${extname(new URL(moduleUrl).pathname)}`, moduleUrl);
}
