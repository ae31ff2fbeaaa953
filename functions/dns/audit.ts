/** The ledger beside what the vendor has: a pure comparison, for people. */
import type { LedgerEntry } from './ledger-entry.ts';
import { recordKey, type ListedRecord, type RecordType } from './provider.ts';
import type { AuditedRecord, OwnedRecord } from './zone-requests.ts';

/** @param listed every record at the names and of the types of these rows. */
export function audit(entries: readonly LedgerEntry[], listed: readonly ListedRecord[]): AuditedRecord[] {
  const keys = new Set(listed.map(recordKey));
  const sets = new Set(listed.map(setKey));
  return entries.map((entry) => ({ ...toOwned(entry), atVendor: comparedWith(entry, keys.has(recordKey(entry)), sets.has(setKey(entry))) }));
}

function comparedWith({ found }: LedgerEntry, there: boolean, others: boolean): AuditedRecord['atVendor'] {
  if (there) return found ? 'foreign' : 'present';
  return others ? 'different' : 'missing';
}

/** Which lists an audit of these rows needs. */
export function questionsAbout(entries: readonly LedgerEntry[]): { type: RecordType; names: string[] }[] {
  const types = new Set(entries.map(({ type }) => type));
  return [...types].map((type) => ({ type, names: [...new Set(entries.filter((entry) => entry.type === type).map(({ name }) => name))] }));
}

export function toOwned({ owner, name, type, value, state, recordId, found, createdAt, expiresAt }: LedgerEntry): OwnedRecord {
  return { owner, name, type, value, state, recordId, found, createdAt, expiresAt };
}

function setKey({ type, name }: { type: string; name: string }): string {
  return `${type} ${name}`;
}
