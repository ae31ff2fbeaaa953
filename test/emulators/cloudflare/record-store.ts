/**
 * The records of one zone. Every change, be it one record or a batch, is one transaction: when one operation fails,
 * those before it are undone in reverse. Conflicts between records are decided here.
 */
import { randomBytes } from 'node:crypto';
import type { Clock } from '../../../shared/clock.ts';
import { recordKey, toRecord } from '../dns/records.ts';
import type { RecordInput } from '../dns/index.ts';
import { ApiFailure, RECORD_MISSING } from './failure.ts';
import { checkRecord, type RecordBody, type RecordFields, type RecordRules, type RecordType } from './record-rules.ts';

export interface StoredRecord extends RecordFields {
  id: string;
  createdOn: string;
  modifiedOn: string;
}

export type Operation = { kind: 'delete'; id: string } | { kind: 'patch' | 'put'; id: string; body: RecordBody } | { kind: 'post'; body: RecordBody };

/** Where behaviour differed over time, or is not documented. */
export interface ConflictRules {
  duplicateCode: 81057 | 81058;
  txtBesideCname: 'refused' | 'allowed';
}

/** Told about every change of what DNS should say; the store's only way out. */
export type OnChange = (change: { add: RecordInput[]; remove: RecordInput[] }) => void;

const MAX_COMBINED_CONTENT = 8_192;
const ADDRESS_OR_ALIAS: readonly RecordType[] = ['A', 'AAAA', 'CNAME'];

export class RecordStore {
  readonly #rules: RecordRules & ConflictRules;
  readonly #clock: Clock;
  readonly #onChange: OnChange;
  readonly #records = new Map<string, StoredRecord>();
  readonly #byName = new Map<string, Set<StoredRecord>>();

  constructor(rules: RecordRules & ConflictRules, clock: Clock, onChange: OnChange) {
    this.#rules = rules;
    this.#clock = clock;
    this.#onChange = onChange;
  }

  all(): StoredRecord[] {
    return [...this.#records.values()];
  }

  /** @throws ApiFailure 81044 when there is no such record. */
  get(id: string): StoredRecord {
    const record = this.#records.get(id);
    if (record === undefined) throw RECORD_MISSING;
    return record;
  }

  /**
   * Executes all operations in the given order, or none.
   * @throws ApiFailure or RecordRejected of the first operation that fails.
   */
  apply(operations: readonly Operation[]): StoredRecord[] {
    const replaced: { before: StoredRecord | undefined; after: StoredRecord | undefined }[] = [];
    const results: StoredRecord[] = [];
    try {
      for (const operation of operations) {
        const step = this.#plan(operation);
        this.#swap(step.before, step.after);
        replaced.push(step);
        results.push(step.result);
      }
    } catch (error) {
      for (const { before, after } of replaced.reverse()) this.#swap(after, before);
      throw error;
    }
    this.#announce(replaced);
    return results;
  }

  /** Checks one operation against the records as they stand. */
  #plan(operation: Operation): { before: StoredRecord | undefined; after: StoredRecord | undefined; result: StoredRecord } {
    const now = new Date(this.#clock()).toISOString();
    if (operation.kind === 'post') {
      const created = { ...checkRecord(operation.body, this.#rules), id: randomBytes(16).toString('hex'), createdOn: now, modifiedOn: now };
      this.#refuseConflict(created);
      return { before: undefined, after: created, result: created };
    }
    const existing = this.get(operation.id);
    if (operation.kind === 'delete') return { before: existing, after: undefined, result: existing };
    const body = operation.kind === 'put' ? operation.body : { ...bodyOf(existing), ...operation.body };
    const changed = { ...checkRecord(body, this.#rules), id: existing.id, createdOn: existing.createdOn, modifiedOn: now };
    this.#refuseConflict(changed);
    return { before: existing, after: changed, result: changed };
  }

  #swap(before: StoredRecord | undefined, after: StoredRecord | undefined): void {
    if (before !== undefined) {
      const named = this.#byName.get(before.name);
      named?.delete(before);
      if (named?.size === 0) this.#byName.delete(before.name);
      if (after === undefined) this.#records.delete(before.id);
    }
    if (after !== undefined) {
      this.#records.set(after.id, after);
      this.#byName.set(after.name, (this.#byName.get(after.name) ?? new Set()).add(after));
    }
  }

  #refuseConflict(record: StoredRecord): void {
    const others = [...(this.#byName.get(record.name) ?? [])].filter((other) => other.id !== record.id);
    if (others.some((other) => other.type === record.type && contentKey(other) === contentKey(record))) {
      const message = this.#rules.duplicateCode === 81_058 ? 'An identical record already exists.' : 'Record already exists.';
      throw new ApiFailure(400, [{ code: this.#rules.duplicateCode, message }]);
    }
    const aliased = others.some((other) => other.type === 'CNAME');
    if (record.type === 'CNAME' && others.some((other) => ADDRESS_OR_ALIAS.includes(other.type) || this.#refusesBesideCname(other.type))) {
      throw new ApiFailure(400, [{ code: 81_053, message: 'An A, AAAA, or CNAME record with that host already exists.' }]);
    }
    if (aliased && (record.type === 'A' || record.type === 'AAAA' || this.#refusesBesideCname(record.type))) {
      throw new ApiFailure(400, [{ code: 81_054, message: 'A CNAME record with that host already exists.' }]);
    }
    if (record.name !== this.#rules.zone && others.some((other) => (other.type === 'NS') !== (record.type === 'NS'))) {
      throw new ApiFailure(400, [{ code: 81_056, message: 'NS records with that host already exist.' }]);
    }
    const combined = [...others, record].filter((other) => other.type === record.type).reduce((sum, other) => sum + other.content.length, 0);
    if (combined > MAX_COMBINED_CONTENT) {
      throw new ApiFailure(400, [
        { code: 83_011, message: `Combined content length of records with this name and type exceeds ${MAX_COMBINED_CONTENT} characters.` },
      ]);
    }
  }

  #refusesBesideCname(type: RecordType): boolean {
    return type === 'TXT' && this.#rules.txtBesideCname === 'refused';
  }

  /** Tells DNS the difference between the first and the last state of every record that was touched. */
  #announce(steps: readonly { before: StoredRecord | undefined; after: StoredRecord | undefined }[]): void {
    const add: RecordInput[] = [];
    const remove: RecordInput[] = [];
    for (const { before, after } of steps) {
      if (before !== undefined && !this.#stillSaid(before)) remove.push(before.published);
      if (after !== undefined && this.#records.get(after.id) === after) add.push(after.published);
    }
    if (add.length + remove.length > 0) this.#onChange({ add, remove });
  }

  /** True when another record makes DNS say the same: two proxied ones do, and so does an identical successor. */
  #stillSaid(record: StoredRecord): boolean {
    const key = publishedKey(record);
    return [...(this.#byName.get(record.name) ?? [])].some((other) => publishedKey(other) === key);
  }
}

function publishedKey(record: StoredRecord): string {
  return recordKey(toRecord(record.published));
}

/** Records are identical by what they say, not by how their content is quoted. */
function contentKey(record: StoredRecord): string {
  return record.proxied ? record.content : publishedKey(record);
}

function bodyOf(record: StoredRecord): RecordBody {
  const { name, type, ttl, proxied, comment, priority, data, content } = record;
  return { name, type, ttl, proxied, comment, priority, data, content };
}
