// Makes dist/panel from what tsc laid under build/panel: hashed files that may be kept for ever, each also compressed,
// and the page that names them.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { nodeResolve } from '@rollup/plugin-node-resolve';
import terser from '@rollup/plugin-terser';

const ROOT = join(import.meta.dirname, '..');
const BUILT = join(ROOT, 'build/panel/src');
const SOURCE = join(import.meta.dirname, 'src');
const OUT = join(ROOT, 'dist/panel');
/** From the page, which is at the top of whatever path the panel is under. */
const ASSETS_URL = 'usage-service/panel/';
const ASSETS = 'assets/';

const hashOf = (bytes) =>
  createHash('sha256').update(bytes).digest('base64url').replaceAll(/[-_]/g, '0').slice(0, 10);

const minify = () =>
  terser({
    ecma: 2020,
    module: true,
    compress: { passes: 2, pure_getters: false },
    format: { comments: false },
  });

/** Lit keeps white space in templates; runs of it mean as much as one blank. */
function squeezeTemplates() {
  return {
    name: 'squeeze-templates',
    renderChunk: (code) => ({ code: code.replaceAll(/\n {2,}/g, '\n '), map: null }),
  };
}

/** Names a chunk of a language by both, since every language has files of the same names. */
function chunkName({ name, moduleIds }) {
  const text = moduleIds.map((id) => /\/i18n\/([^/]+)\/([^/]+)\.js$/.exec(id)).find(Boolean);
  return `${ASSETS}${text && name === text[2] ? `${text[1]}-${name}` : name}-[hash].js`;
}

/** The texts that every first view needs travel together. */
function withOthers(id) {
  const text = /\/i18n\/([^/]+)\/(common|shell|errors)\.js$/.exec(id);
  return text ? `texts-${text[1]}` : null;
}

function compressed(bytes) {
  const quality = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
  return { br: brotliCompressSync(bytes, { params: quality }), gz: gzipSync(bytes, { level: 9 }) };
}

/** License texts of what is built in, which its scripts do not carry themselves. */
function licenses(ids) {
  const folders = new Map();
  for (const id of ids) {
    const found = /^(.*\/node_modules\/((?:@[^/]+\/)?[^/]+))\//.exec(id.replaceAll('\\', '/'));
    if (found) folders.set(found[2], found[1]);
  }
  return [...folders]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, folder]) => {
      const file = ['LICENSE', 'LICENSE.md', 'license'].map((one) => join(folder, one)).find(existsSync);
      const { version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
      return `${name} ${version} (${license})\n\n${file ? readFileSync(file, 'utf8').trim() : ''}\n`;
    });
}

/** Adds the style sheet, the mark, the early script and the page; then the compressed twins and the list of it all. */
function page() {
  const early = { 'theme.js': '' };
  return {
    name: 'page',
    async buildStart() {
      const { minify: shrink } = await import('terser');
      const text = readFileSync(join(BUILT, 'theme.js'), 'utf8').replace(/^export \{\};?$/m, '');
      const { code = '' } = await shrink(text, { ecma: 2020, toplevel: true });
      early['theme.js'] = code;
    },
    generateBundle(_options, bundle) {
      const named = {};
      const add = (name, source) => {
        const [stem, ending] = [name.slice(0, name.lastIndexOf('.')), name.slice(name.lastIndexOf('.'))];
        named[name] = `${stem}-${hashOf(source)}${ending}`;
        this.emitFile({ type: 'asset', fileName: ASSETS + named[name], source });
      };
      const css = readFileSync(join(SOURCE, 'styles/tokens.css'), 'utf8');
      add(
        'tokens.css',
        css
          .replaceAll(/\/\*[\s\S]*?\*\//g, '')
          .replaceAll(/\s+/g, ' ')
          .trim(),
      );
      add('mark.svg', readFileSync(join(SOURCE, 'mark.svg'), 'utf8').trim());
      add('theme.js', early['theme.js']);
      const main = Object.values(bundle).find((one) => one.type === 'chunk' && one.isEntry);
      named['main.js'] = main.fileName.slice(ASSETS.length);
      const html = readFileSync(join(dirname(SOURCE), 'index.html'), 'utf8')
        .replaceAll(/%([\w.]+)%/g, (_whole, name) => ASSETS_URL + named[name])
        .replaceAll(/\n\s*/g, '\n');
      const ids = Object.values(bundle).flatMap((one) => (one.type === 'chunk' ? one.moduleIds : []));
      this.emitFile({ type: 'asset', fileName: 'licenses.txt', source: licenses(ids).join('\n---\n\n') });
      const files = [];
      for (const one of Object.values(bundle)) {
        if (!one.fileName.startsWith(ASSETS)) continue;
        const bytes = Buffer.from(one.type === 'chunk' ? one.code : one.source);
        const { br, gz } = compressed(bytes);
        this.emitFile({ type: 'asset', fileName: `${one.fileName}.br`, source: br });
        this.emitFile({ type: 'asset', fileName: `${one.fileName}.gz`, source: gz });
        const imports = one.type === 'chunk' ? [...one.imports, ...one.dynamicImports] : [];
        files.push({
          name: one.fileName.slice(ASSETS.length),
          bytes: bytes.length,
          gzip: gz.length,
          brotli: br.length,
          loads: imports.map((name) => name.slice(ASSETS.length)),
        });
      }
      this.emitFile({ type: 'asset', fileName: 'management.html', source: html });
      const manifest = { page: 'management.html', named, files };
      this.emitFile({
        type: 'asset',
        fileName: 'manifest.json',
        source: `${JSON.stringify(manifest, null, 1)}\n`,
      });
      report(files, html);
    },
  };
}

function report(files, html) {
  const kib = (size) => `${(size / 1024).toFixed(1)} KiB`.padStart(10);
  const line = (name, one) => `${name.padEnd(34)}${kib(one.bytes)}${kib(one.gzip)}${kib(one.brotli)}`;
  const sum = (some) =>
    Object.fromEntries(
      ['bytes', 'gzip', 'brotli'].map((key) => [key, some.reduce((all, one) => all + one[key], 0)]),
    );
  const { br, gz } = compressed(Buffer.from(html));
  const whole = [
    ...files,
    { name: 'management.html', bytes: html.length, gzip: gz.length, brotli: br.length },
  ];
  // What a visit loads in English, from the first page on.
  const first = (names) => sum(whole.filter(({ name }) => names.test(name)));
  const lines = [
    `${'panel'.padEnd(34)}${'plain'.padStart(10)}${'gzip'.padStart(10)}${'brotli'.padStart(10)}`,
    ...whole.toSorted((a, b) => b.bytes - a.bytes).map((one) => line(one.name, one)),
    line('first load of the login', first(/^(management|main|tokens|theme|mark|texts-en|(en-)?login)/)),
    line(
      'first load of the dashboard',
      first(/^(management|main|tokens|theme|mark|texts-en|(en-)?dashboard)/),
    ),
    line('everything', sum(whole)),
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
}

export default {
  input: { main: join(BUILT, 'main.js') },
  output: {
    dir: OUT,
    format: 'es',
    entryFileNames: `${ASSETS}[name]-[hash].js`,
    chunkFileNames: chunkName,
    hashCharacters: 'base36',
    manualChunks: withOthers,
    minifyInternalExports: true,
  },
  preserveEntrySignatures: false,
  plugins: [
    nodeResolve({ exportConditions: ['production', 'browser'] }),
    squeezeTemplates(),
    minify(),
    page(),
  ],
  onwarn(warning) {
    throw new Error(warning.message);
  },
};
