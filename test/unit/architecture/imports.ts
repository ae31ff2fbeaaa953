/** Reads the imports of every source file as text: static, re-exported, side-effect, dynamic and `import('…')` types. */
import { readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';

export interface Import {
  /** Path from the root of the repository for files, else the specifier as written. */
  target: string;
  /** Erased when the code runs. */
  typeOnly: boolean;
}

/** Path from the root -> source text. */
export type Sources = ReadonlyMap<string, string>;

const DECLARATION = /^[ \t]*(?:import|export)\s+(?<type>type\s)?(?:[^;'"]*?\sfrom\s*)?['"](?<specifier>[^'"\n]+)['"]/gm;
const CALL = /(?<type>typeof\s+|[:<|&(,]\s*)?\bimport\(\s*(?:['"](?<specifier>[^'"\n]+)['"])?/g;
const COMMENT = /^[ \t]*(?:\/\*[\s\S]*?\*\/|\/\/[^\n]*)/gm;

export function importsOf(path: string, source: string): Import[] {
  const code = source.replaceAll(COMMENT, '');
  const found = [...code.matchAll(DECLARATION), ...code.matchAll(CALL)];
  return found.map(({ groups }) => {
    const specifier = groups?.['specifier'];
    if (specifier === undefined) throw new Error(`${path} imports something that is named at run time only`);
    return { target: specifier.startsWith('.') ? posix.join(posix.dirname(path), specifier) : specifier, typeOnly: groups?.['type'] !== undefined };
  });
}

/** Everything below `folders` that may import something. */
export function readSources(root: URL, folders: readonly string[]): Sources {
  const paths = folders.flatMap((folder) => readdirSync(new URL(`${folder}/`, root), { recursive: true, encoding: 'utf8' }).map((path) => `${folder}/${path}`));
  return new Map(paths.filter((path) => /\.(tsx?|mjs)$/.test(path)).map((path) => [path, readFileSync(new URL(path, root), 'utf8')]));
}

/** Everything that loading `path` loads, files and packages, itself included. */
export function closure(path: string, sources: Sources): Set<string> {
  const reached = new Set([path]);
  for (const target of reached) {
    const source = sources.get(target);
    if (source === undefined) continue;
    for (const { target: next, typeOnly } of importsOf(target, source)) if (!typeOnly) reached.add(next);
  }
  return reached;
}
