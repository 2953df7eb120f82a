import { prepareDataDir } from '../../src/lib/config/data-dir.ts';
import { AppError } from '../../src/lib/errors.ts';

// Prepares the directory named first on its command line, with the files named after it, and says how that went.
const [path = '', ...files] = process.argv.slice(2);
try {
  await prepareDataDir(path, files);
  process.stdout.write('ready\n');
} catch (error) {
  if (!(error instanceof AppError)) throw error;
  process.stdout.write(`${error.code} ${error.message} | ${error.hint}\n`);
}
