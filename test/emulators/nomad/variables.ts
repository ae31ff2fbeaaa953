/**
 * The variables table: paths, sizes, check-and-set (nomad/state/state_store_variables.go, nomad/structs/variables.go).
 * A write replaces every item. A conflict changes nothing, yet consumes an index as any applied log entry does.
 */
import { z } from 'zod';
import type { Clock } from '../../../shared/clock.ts';
import type { StateIndex } from './state.ts';
import type { WireValue } from './wire.ts';

export interface Variable {
  namespace: string;
  path: string;
  items: Readonly<Record<string, string>>;
  createIndex: number;
  modifyIndex: number;
  /** Unix nanoseconds, beyond what a double holds exactly. */
  createTime: bigint;
  modifyTime: bigint;
}

/** What observers learn: the variable after the change, or that it is gone. Keys included: for in-process stand-ins only. */
export type VariableChange = { kind: 'written'; variable: Variable } | { kind: 'deleted'; namespace: string; path: string };

export type ApplyResult = { ok: true; index: number; variable: Variable | undefined } | { ok: false; conflict: Variable };

const MAX_BYTES = 65_536;
const VALID_PATH = /^[a-zA-Z0-9-_~/]{1,128}$/;

/** Why Nomad refuses to store this variable, in its words; `undefined` when it does not. */
export function refuseVariable(namespace: string, path: string, items: Readonly<Record<string, string>>): string | undefined {
  if (namespace === '*') return 'can not target wildcard ("*")namespace';
  if (Object.keys(items).length === 0) return 'empty variables are invalid';
  if (sizeOf(items) > MAX_BYTES) return 'variables are limited to 64KiB in total size';
  return refusePath(path);
}

function sizeOf(items: Readonly<Record<string, string>>): number {
  let bytes = 0;
  for (const [key, value] of Object.entries(items)) bytes += Buffer.byteLength(key) + Buffer.byteLength(value);
  return bytes;
}

function refusePath(path: string): string | undefined {
  if (!VALID_PATH.test(path)) return `invalid path ${JSON.stringify(path)}`;
  const parts = path.split('/');
  if (parts[0] !== 'nomad') return undefined;
  if (parts.length === 1) {
    return '"nomad" is a reserved top-level directory path, but you may write variables to "nomad/jobs", "nomad/job-templates", "nomad/sentinel", or below';
  }
  if (parts[1] === 'jobs' || parts[1] === 'sentinel') return undefined;
  if (parts[1] !== 'job-templates') {
    return 'only paths at "nomad/jobs" or "nomad/job-templates" and below are valid paths under the top-level "nomad" directory';
  }
  if (parts.length === 3) return undefined;
  return '"nomad/job-templates" is a reserved directory path, but you may write variables at the level below it, for example, "nomad/job-templates/template-name"';
}

/** JSON of a variable's metadata, members in Nomad's order. */
export function variableMetadata(variable: Variable): { [key: string]: WireValue } {
  return {
    CreateIndex: variable.createIndex,
    CreateTime: variable.createTime,
    ModifyIndex: variable.modifyIndex,
    ModifyTime: variable.modifyTime,
    Namespace: variable.namespace,
    Path: variable.path,
  };
}

export function variableWithItems(variable: Variable): WireValue {
  const { CreateIndex = 0, CreateTime = 0, ...rest } = variableMetadata(variable);
  // Items is a Go map: it comes in any order, and nobody may rely on one.
  const items = Object.entries(variable.items);
  return { CreateIndex, CreateTime, Items: Object.fromEntries(Math.random() < 0.5 ? items : items.toReversed()), ...rest };
}

/** A variable as JSON can hold it: times as decimal text. */
export const savedVariableSchema = z.object({
  namespace: z.string(),
  path: z.string(),
  items: z.record(z.string(), z.string()),
  createIndex: z.number(),
  modifyIndex: z.number(),
  createTime: z.string().regex(/^\d+$/),
  modifyTime: z.string().regex(/^\d+$/),
});
export type SavedVariable = z.infer<typeof savedVariableSchema>;

export class VariableTable {
  readonly #rows = new Map<string, Variable>();
  readonly #observers = new Set<(change: VariableChange) => void>();
  readonly #index: StateIndex;
  readonly #clock: Clock;

  constructor(index: StateIndex, clock: Clock) {
    this.#index = index;
    this.#clock = clock;
  }

  get(namespace: string, path: string): Variable | undefined {
    return this.#rows.get(keyOf(namespace, path));
  }

  /** Rows whose path starts with `prefix`, by namespace (all when `*`) and path in byte order. */
  list(namespace: string, prefix: string): Variable[] {
    return [...this.#rows.entries()]
      .filter(([, row]) => (namespace === '*' || row.namespace === namespace) && row.path.startsWith(prefix))
      .sort(([left], [right]) => (left < right ? -1 : 1))
      .map(([, row]) => row);
  }

  /** Upserts; with `cas` only if the row's ModifyIndex equals it (0: only if there is no row). */
  put(namespace: string, path: string, items: Readonly<Record<string, string>>, cas: number | undefined): ApplyResult {
    const existing = this.get(namespace, path);
    const index = this.#index.next();
    if (cas !== undefined && cas !== (existing?.modifyIndex ?? 0)) return { ok: false, conflict: existing ?? absent(namespace, path) };
    const now = this.#nanoseconds(index);
    const variable: Variable = {
      namespace,
      path,
      items: { ...items },
      createIndex: existing?.createIndex ?? index,
      createTime: existing?.createTime ?? now,
      modifyIndex: index,
      modifyTime: now,
    };
    this.#rows.set(keyOf(namespace, path), variable);
    this.#index.changed('variables', index);
    this.#tell({ kind: 'written', variable });
    return { ok: true, index, variable };
  }

  /** Deletes; a missing row without `cas` is a success. */
  delete(namespace: string, path: string, cas: number | undefined): ApplyResult {
    const existing = this.get(namespace, path);
    const index = this.#index.next();
    if (cas !== undefined && cas !== (existing?.modifyIndex ?? 0)) return { ok: false, conflict: existing ?? absent(namespace, path) };
    if (existing !== undefined) {
      this.#rows.delete(keyOf(namespace, path));
      this.#index.changed('variables', index);
      this.#tell({ kind: 'deleted', namespace, path });
    }
    return { ok: true, index, variable: undefined };
  }

  /** Everything stored, keys included: for a supervisor that keeps the cluster over its own restart. */
  save(): SavedVariable[] {
    return [...this.#rows.values()].map((row) => ({ ...row, createTime: row.createTime.toString(), modifyTime: row.modifyTime.toString() }));
  }

  /** Puts back what {@link save} gave, with its indexes and times; later writes go on above them. */
  restore(saved: readonly SavedVariable[]): void {
    for (const row of saved) {
      this.#rows.set(keyOf(row.namespace, row.path), { ...row, createTime: BigInt(row.createTime), modifyTime: BigInt(row.modifyTime) });
      this.#index.resumeAt(row.modifyIndex);
    }
    if (saved.length > 0) this.#index.changed('variables', Math.max(...saved.map(({ modifyIndex }) => modifyIndex)));
  }

  /** Calls `observer` after every change until the returned function is called. */
  observe(observer: (change: VariableChange) => void): () => void {
    this.#observers.add(observer);
    return () => this.#observers.delete(observer);
  }

  #tell(change: VariableChange): void {
    for (const observer of this.#observers) observer(change);
  }

  /** The clock's milliseconds with an odd number of nanoseconds below them: no double holds that, so a reader who goes through one is found out. */
  #nanoseconds(index: number): bigint {
    return BigInt(this.#clock()) * 1_000_000n + BigInt(((index * 7_919) % 499_979) * 2 + 1);
  }
}

function keyOf(namespace: string, path: string): string {
  return `${namespace}\u0000${path}`;
}

/** The zero-value variable Nomad returns as the conflict when the row does not exist. */
function absent(namespace: string, path: string): Variable {
  return { namespace, path, items: {}, createIndex: 0, createTime: 0n, modifyIndex: 0, modifyTime: 0n };
}
