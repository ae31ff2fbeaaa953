/** Reads and compiles the configuration file that build, check and setup work on. */
import { readFileSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import { compileConfiguration } from '../../functions/config/compile.ts';
import type { CompiledConfiguration } from '../../functions/config/configuration.ts';

export interface Source {
  /** Path as people see it. */
  file: string;
  text: string;
  compiled: CompiledConfiguration;
}

/** The repository's root, wherever a command is started. */
export const ROOT = resolve(import.meta.dirname, '../..');

/** `PERENNIAL_CONFIG` names another file than `certificates.toml`, relative to the working directory. */
export function readSource(environment: Readonly<Record<string, string | undefined>>): Source {
  const path = environment['PERENNIAL_CONFIG'] === undefined ? resolve(ROOT, 'certificates.toml') : resolve(environment['PERENNIAL_CONFIG']);
  const local = relative(process.cwd(), path);
  const file = local.startsWith('..') ? path : local;
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch {
    return {
      file,
      text: '',
      compiled: missing(`The file ${file} cannot be read. Copy certificates.toml from the repository and change it, or name another one in PERENNIAL_CONFIG.`),
    };
  }
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes);
    return { file, text, compiled: compileConfiguration(text) };
  } catch {
    return { file, text: '', compiled: missing(`The file ${file} is not UTF-8 text. Save it as UTF-8.`) };
  }
}

function missing(message: string): CompiledConfiguration {
  return { valid: false, hash: '0'.repeat(64), problems: [{ path: '', message }] };
}
