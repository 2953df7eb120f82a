import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';

/** A page of HTML as it is sent. */
export interface Page {
  readonly html: Buffer;
  readonly gzip: Buffer;
  /** Quoted, as in the header. */
  readonly etag: string;
  readonly contentSecurityPolicy: string;
}

export const PAGE_NAME = 'management.html';

/** Where the build laid the panel: beside the compiled daemon, or in `dist` of a checkout. Null: it was never built. */
export function findPanel(): string | null {
  const places = ['../../panel', '../../dist/panel'].map((path) =>
    fileURLToPath(new URL(path, import.meta.url)),
  );
  return places.find((folder) => existsSync(join(folder, PAGE_NAME))) ?? null;
}

const NOBODY_ELSE = "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** Our panel: nothing inline, nothing from elsewhere, and HTML is only made by the library that renders it. */
export const OWN_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
  `font-src 'self'; require-trusted-types-for 'script'; trusted-types lit-html; ${NOBODY_ELSE}`;

/**
 * An operator's page: exactly its own inline scripts. The rest is what the panel of CPA-Manager-Plus, which is one file
 * with everything in it, needs: inline styles and pictures, downloads it makes itself, frames with pages of plugins,
 * and the question for the newest release.
 */
export function foreignPolicy(html: string): string {
  const hashes = inlineScripts(html).map(
    (script) => `'sha256-${createHash('sha256').update(script).digest('base64')}'`,
  );
  const scripts = hashes.length > 0 ? hashes.join(' ') : "'none'";
  return (
    `default-src 'none'; script-src ${scripts}; style-src 'unsafe-inline'; connect-src 'self' https://api.github.com; ` +
    `img-src 'self' data: blob:; font-src 'self' data:; media-src data: blob:; worker-src blob:; frame-src 'self'; ${NOBODY_ELSE}`
  );
}

/** Texts of the script elements without `src`, as a browser hashes them: its parser knows no CR. */
function inlineScripts(html: string): readonly string[] {
  const text = html.replaceAll(/\r\n?/g, '\n');
  const scripts = text.matchAll(/<script(\s[^>]*)?>([^]*?)<\/script[\s/>]/gi);
  return [...scripts]
    .filter(([, attributes = '']) => !/\ssrc\s*=/i.test(attributes))
    .map(([, , script = '']) => script);
}

/** A page in a file, read again when the file changes. */
export class PageFile {
  readonly #path: string;
  readonly #policy: (html: string) => string;
  #version = '';
  #page: Page | null = null;

  constructor(path: string, policy: (html: string) => string) {
    this.#path = path;
    this.#policy = policy;
  }

  /** Rejects with the system's error when it cannot be read. */
  async read(): Promise<Page> {
    const { mtimeMs, size, ino } = await stat(this.#path);
    const version = [mtimeMs, size, ino].join(' ');
    if (this.#page && version === this.#version) return this.#page;
    const html = await readFile(this.#path);
    const page: Page = {
      html,
      gzip: await promisify(gzip)(html),
      etag: `"${createHash('sha256').update(html).digest('base64url')}"`,
      contentSecurityPolicy: this.#policy(html.toString('utf8')),
    };
    this.#version = version;
    this.#page = page;
    return page;
  }
}
