import { VERSION } from '../lib/version.ts';

/**
 * `cpamp --version`, and nothing else on the line: scripts and packagers ask for it, so it loads no library at all.
 * Everywhere else on a line it is commander's.
 */
export function printVersion(): void {
  // Nobody is there to read it: then there is nobody to tell either.
  process.stdout.on('error', () => {});
  process.stdout.write(`${VERSION}\n`);
}
