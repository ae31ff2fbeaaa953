/**
 * Builds the relay into one ES module that runs on Node 20 and newer without node_modules. The same sources and the
 * same lock file give the same bytes, so that the bundle can be named, pinned and served by its SHA-256.
 */
import { build } from 'esbuild';
import { createHash } from 'node:crypto';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface RelayBundle {
  source: string;
  /** Hex, of the source in UTF-8. */
  sha256: string;
  bytes: number;
}

/** CommonJS packages inside an ES module still call `require` for Node's own modules. */
const BANNER = "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);";

/** Throws esbuild's error, which names file and line, when the sources do not build. */
export async function bundleRelay(): Promise<RelayBundle> {
  const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
  const result = await build({
    absWorkingDir: root,
    entryPoints: ['infra/relay/main.ts'],
    bundle: true,
    write: false,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'eof',
    charset: 'utf8',
    banner: { js: BANNER },
    // Optional native speed-ups of ws, absent by intention.
    external: ['bufferutil', 'utf-8-validate'],
    logLevel: 'silent',
  });
  const [file] = result.outputFiles;
  if (file === undefined) throw new Error('The bundler wrote nothing.');
  return { source: file.text, sha256: createHash('sha256').update(file.contents).digest('hex'), bytes: file.contents.byteLength };
}
