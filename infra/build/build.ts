/**
 * Wrangler's `[build]` step and `npm run build`: compiles the configuration and bundles the relay into `.build/`
 * (or `PERENNIAL_BUILD_DIR`), where the aliases of `wrangler.toml` find them.
 *
 * Wrangler names its own command in `WRANGLER_COMMAND`. Under `dev` an invalid configuration is built in as its list of
 * problems, so that the Worker starts, issues nothing and shows them; everywhere else it stops the build.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { CONTRACT } from '../../shared/relay/contract.ts';
import { bundleRelay } from '../relay/bundle.ts';
import { formatProblems } from './report.ts';
import { readSource, ROOT } from './source.ts';

/** @returns the process's exit code. */
export async function build(environment: Readonly<Record<string, string | undefined>>): Promise<number> {
  const folder = environment['PERENNIAL_BUILD_DIR'] === undefined ? join(ROOT, '.build') : resolve(environment['PERENNIAL_BUILD_DIR']);
  const { file, text, compiled } = readSource(environment);
  if (!compiled.valid) {
    process.stderr.write(`${formatProblems(file, text, compiled.problems, process.stderr.isTTY)}\n`);
    if (environment['WRANGLER_COMMAND'] !== 'dev') {
      process.stderr.write('Nothing was built. What is deployed stays as it is.\n');
      return 1;
    }
    process.stderr.write('The Worker starts without a configuration of its own and shows these problems.\n');
  }
  const relay = await bundleRelay();
  mkdirSync(folder, { recursive: true });
  replace(join(folder, 'configuration.json'), JSON.stringify(compiled));
  replace(join(folder, 'relay.txt'), relay.source);
  replace(join(folder, 'relay.json'), JSON.stringify({ sha256: relay.sha256, bytes: relay.bytes, contract: CONTRACT.current }));
  return 0;
}

/** Written only when changed, and in one step: wrangler watches these files. */
function replace(path: string, content: string): void {
  if (existsSync(path) && readFileSync(path, 'utf8') === content) return;
  const temporary = `${path}.${process.pid}`;
  writeFileSync(temporary, content);
  renameSync(temporary, path);
}

if (import.meta.main) process.exitCode = await build(process.env);
