/**
 * The records of one name and type: what is declared, what our ledger says, what stands at the vendor and whose it is.
 * Pure.
 */
import type { LedgerEntry } from './ledger-entry.ts';
import { DECLARED } from './ledger-entry.ts';
import { recordKey, recordTypeSchema, type DnsRecord, type ListedRecord, type RecordType } from './provider.ts';
import type { DeclareRequest, DesiredRecord } from './zone-requests.ts';
import { isOurs } from './zone-plan.ts';

export type Declaration = Pick<DeclareRequest, 'records' | 'held'>;

/** `drifted`: ours by its lasting id, with a value that somebody else gave it. */
export type Belonging = 'ours' | 'drifted' | 'foreign';

export interface RecordSet {
  type: RecordType;
  name: string;
  wanted: DesiredRecord[];
  /** Why its values are not known; null when they are. */
  held: string | null;
  /** Live rows of the ledger with owner `declared`. */
  mine: LedgerEntry[];
  there: { listed: ListedRecord; belonging: Belonging }[];
}

/** What has to be asked of the vendor to plan these: nothing may stand beside a CNAME (RFC 1034 §3.6.2), so those are always looked for. */
export function questionsOf(declaration: Declaration, rows: readonly LedgerEntry[]): { type: RecordType; names: string[] }[] {
  const names = new Map<RecordType, Set<string>>();
  const ask = (type: RecordType, name: string) => names.set(type, (names.get(type) ?? new Set()).add(name));
  for (const { type, name } of [...declaration.records, ...declaration.held, ...rows.filter(isMine)]) {
    ask(type, name);
    for (const other of type === 'CNAME' ? recordTypeSchema.options : (['CNAME'] as const)) ask(other, name);
  }
  return [...names].map(([type, asked]) => ({ type, names: [...asked].toSorted() }));
}

/**
 * Every set that is declared, held or still in the ledger, in the order of the declaration.
 * @param rows every row about these names. @param listed the answers to {@link questionsOf}.
 */
export function setsOf(declaration: Declaration, rows: readonly LedgerEntry[], listed: readonly ListedRecord[]): RecordSet[] {
  const wanted = Map.groupBy(declaration.records, setKey);
  const held = Map.groupBy(declaration.held, setKey);
  const related = Map.groupBy(rows, setKey);
  const standing = Map.groupBy(listed, setKey);
  const places = [...declaration.records, ...declaration.held, ...rows.filter(isMine)];
  return [...new Map(places.map((place) => [setKey(place), place]))].map(([key, { type, name }]) => {
    const here = related.get(key) ?? [];
    const mine = here.filter(isMine);
    const there = (standing.get(key) ?? []).map((record) => ({ listed: record, belonging: belongingOf(record, here, mine) }));
    return { type, name, wanted: wanted.get(key) ?? [], held: held.get(key)?.[0]?.why ?? null, mine, there };
  });
}

/** Records that issuances need as well: they stay when the declaration leaves. */
export function sharedKeys(rows: readonly LedgerEntry[]): ReadonlySet<string> {
  return new Set(rows.filter((row) => row.owner !== DECLARED && isLive(row)).map(recordKey));
}

function setKey({ type, name }: Pick<DnsRecord, 'type' | 'name'>): string {
  return `${type} ${name}`;
}

function belongingOf(record: ListedRecord, related: readonly LedgerEntry[], mine: readonly LedgerEntry[]): Belonging {
  const siblings = related.filter((row) => recordKey(row) === recordKey(record));
  if (isOurs(record, siblings)) return 'ours';
  return record.id !== null && mine.some(({ recordId }) => recordId === record.id) ? 'drifted' : 'foreign';
}

function isMine(row: LedgerEntry): boolean {
  return row.owner === DECLARED && isLive(row);
}

function isLive({ state }: LedgerEntry): boolean {
  return state === 'wanted' || state === 'written';
}
