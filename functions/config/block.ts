/**
 * Reads one block of the TOML file through its zod shape. Blocks are flat and read one by one, so that a problem in one
 * hides nothing in another; every message says what was found, what was expected and what to write.
 */
import { z } from 'zod';
import type { Findings, Path } from './findings.ts';
import { choices } from './suggest.ts';

export type Table = Readonly<Record<string, unknown>>;

/** What a value must be, in words: `expected` completes "expected …", `example` is TOML to write. */
export interface Expectation {
  expected: string;
  example: string;
  /** The value may be a secret that somebody pasted: never repeat it. */
  confidential?: boolean;
}

/** A value of a block: `read` returns undefined to refuse it, or throws an Error whose message says why. */
export function value<T>(expectation: Expectation, read: (input: unknown) => T | undefined) {
  return z.unknown().transform((input, context): T => {
    let reason = '';
    try {
      const result = input === undefined ? undefined : read(input);
      if (result !== undefined) return result;
    } catch (thrown) {
      reason = thrown instanceof Error ? ` ${thrown.message}` : '';
    }
    const { expected, example } = expectation;
    const found = expectation.confidential === true ? 'This value is' : `${describe(input)} is`;
    const message = input === undefined ? `is missing; expected ${expected}.` : `${found} not ${expected}.${reason}`;
    context.issues.push({ code: 'custom', input, message: `${message} Write for example: ${example}` });
    return z.NEVER;
  });
}

/** One value or a list of them. */
export function listOf<S extends z.ZodType>(item: S, limit: { min: number; max: number; example: string }) {
  const bounds = `expected ${limit.min} to ${limit.max} values, for example: ${limit.example}`;
  return z.preprocess(
    (input) => (input === undefined || Array.isArray(input) ? input : [input]),
    z
      .array(item, { error: (issue) => (issue.input === undefined ? `is missing; ${bounds}` : undefined) })
      .min(limit.min, { error: `is empty; ${bounds}` })
      .max(limit.max, { error: `has too many entries; ${bounds}` }),
  );
}

/** `whole` when the block is sound; `part` always: its sound values, so that what they refer to is checked as well. */
export interface Block<T> {
  whole: T | undefined;
  part: Partial<T>;
}

/** Reads a block and reports everything that is wrong with it. */
export function readBlock<S extends z.ZodRawShape>(findings: Findings, input: unknown, path: Path, shape: S): Block<z.infer<z.ZodObject<S>>> {
  const known = Object.keys(shape);
  if (!isTable(input)) {
    findings.add(path, `${describe(input)} is not a table; expected a block with the keys ${known.join(', ')}.`);
    return { whole: undefined, part: {} };
  }
  const unknown = Object.keys(input).filter((key) => !known.includes(key));
  for (const key of unknown) findings.add([...path, key], `Unknown key ${JSON.stringify(key.slice(0, 80))}. ${choices(key, known, 'key')}`, 'key');
  const result = z.object(shape).safeParse(input);
  if (result.success) return { whole: unknown.length === 0 ? result.data : undefined, part: result.data };
  const unsound = new Set<PropertyKey | undefined>();
  for (const issue of result.error.issues) {
    const steps = issue.path.filter((step) => typeof step !== 'symbol');
    unsound.add(steps[0]);
    findings.add([...path, ...steps], /^(is|has) /.test(issue.message) ? `${JSON.stringify(steps.at(-1) ?? '')} ${issue.message}` : issue.message);
  }
  const sound = Object.fromEntries(Object.entries(input).filter(([key]) => !unsound.has(key)));
  // The schema has parsed it; the compiler cannot relate .partial() to Partial for an open shape.
  const part = (z.object(shape).partial().safeParse(sound).data ?? {}) as Partial<z.infer<z.ZodObject<S>>>;
  return { whole: undefined, part };
}

/** Entries of `[kind.<name>]`, each with its name checked. */
export function namedTables(findings: Findings, root: Table, kind: string): { name: string; input: unknown; path: Path }[] {
  const tables = root[kind];
  if (tables === undefined) return [];
  if (!isTable(tables)) {
    findings.add([kind], `${describe(tables)} is not a table; write one block for each: [${kind}.<name>]`);
    return [];
  }
  return Object.entries(tables).flatMap(([name, input]) => {
    const path = [kind, name];
    if (BLOCK_NAME.test(name)) return [{ name, input, path }];
    findings.add(
      path,
      `${JSON.stringify(name.slice(0, 80))} cannot be a name; expected up to 63 lower-case letters, digits and hyphens. Write for example: [${kind}.main]`,
      'key',
    );
    return [];
  });
}

/** Entries of `[[kind]]`. */
export function tableArray(findings: Findings, parent: Table, kind: string, path: Path): { input: Table; path: Path }[] {
  const entries = parent[kind];
  if (entries === undefined) return [];
  const header = `[[${[...path.filter((step) => typeof step === 'string'), kind].join('.')}]]`;
  if (!Array.isArray(entries)) {
    findings.add([...path, kind], `"${kind}" is a list of blocks; write ${header} (double brackets) above each of them.`, 'key');
    return [];
  }
  return entries.flatMap((input: unknown, index) => {
    const place = [...path, kind, index];
    if (isTable(input)) return [{ input, path: place }];
    findings.add(place, `${describe(input)} is not a table; write ${header} above each block.`);
    return [];
  });
}

export const BLOCK_NAME = /^[a-z0-9][a-z0-9-]{0,62}$/;

export function isTable(input: unknown): input is Table {
  return typeof input === 'object' && input !== null && !Array.isArray(input) && !(input instanceof Date);
}

/** What stands in the file, short. */
export function describe(input: unknown): string {
  if (typeof input === 'string') return JSON.stringify(input.length > 100 ? `${input.slice(0, 100)}…` : input);
  if (Array.isArray(input)) return input.length === 0 ? 'an empty list' : 'a list';
  if (input instanceof Date) return 'a date';
  if (typeof input === 'number' || typeof input === 'boolean' || typeof input === 'bigint') return String(input);
  return input === undefined ? 'nothing' : 'a table';
}
