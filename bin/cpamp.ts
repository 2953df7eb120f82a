#!/usr/bin/env node
// Nothing native may load before the version is known to be right: on an older Node the SQLite addon crashes the process.
const WANTED = [22, 19] as const;
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);

if (major < WANTED[0] || (major === WANTED[0] && minor < WANTED[1])) {
  process.stderr.write(
    `cpamp: Node.js ${WANTED.join('.')} or newer is needed, and this is ${process.versions.node}.\n` +
      'Install a newer one from your distribution or https://nodejs.org, or use the container image.\n',
  );
  process.exitCode = 1;
} else if (process.argv.length === 3 && ['--version', '-V'].includes(process.argv[2] ?? '')) {
  const { printVersion } = await import('../src/commands/print-version.ts');
  printVersion();
} else {
  const { main } = await import('../src/cli.ts');
  process.exitCode = await main(process.argv);
}
