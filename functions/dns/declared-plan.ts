/**
 * Decides what the declared records of a zone need: a pure function of the declaration, the ledger and the vendor's list.
 *
 * Invariant: without `adopt`, no step touches a record that the ledger does not prove to be ours; with it, only records of
 * exactly that name and type. What cannot be done without touching more is a `conflict`, for people.
 */
import type { LedgerEntry } from './ledger-entry.ts';
import { recordKey, type ListedRecord } from './provider.ts';
import { setsOf, sharedKeys, type Declaration, type RecordSet } from './declared-set.ts';
import type { DesiredRecord, PlannedRecord } from './zone-requests.ts';
import { isTtl } from './zone-plan.ts';

/** What a plan does to the ledger. The writer then brings the vendor in line with the rows, as it finds the zone by then. */
export type Step =
  | { do: 'want'; record: DesiredRecord }
  /** This very record is ours from now on. */
  | { do: 'claim'; listed: ListedRecord; ttl: number }
  /** This very record goes: ours with a foreign value, or superseded where the set is adopted. */
  | { do: 'take-away'; listed: ListedRecord }
  | { do: 'give-up'; entry: number };

export interface Decision {
  records: PlannedRecord[];
  steps: Step[];
}

export interface DeclaredDecision extends Decision {
  /** More than half of four and more records of ours would go because their names are no longer declared. */
  vanishing: boolean;
}

/** Fewer records than this may go without being asked about. */
const FEW = 4;

export function planDeclared(declaration: Declaration, rows: readonly LedgerEntry[], listed: readonly ListedRecord[]): DeclaredDecision {
  const sets = setsOf(declaration, rows, listed);
  const scene: Scene = { sets: Map.groupBy(sets, ({ name }) => name), listed: Map.groupBy(listed, ({ name }) => name), shared: sharedKeys(rows) };
  const decisions = sets.map((set) => planSet(set, scene));
  const standing = sets.flatMap(({ mine, there }) => mine.filter((row) => oursOf(row, there) !== undefined)).length;
  const leaving = sets.flatMap(({ wanted }, index) => (wanted.length === 0 ? (decisions[index]?.records ?? []) : []));
  const going = leaving.filter(({ action }) => action === 'remove').length;
  return {
    records: decisions.flatMap(({ records }) => records),
    steps: decisions.flatMap(({ steps }) => steps),
    vanishing: standing >= FEW && going * 2 > standing,
  };
}

/** By name: what is declared there, and what stands there; and what issuances need as well. */
interface Scene {
  sets: ReadonlyMap<string, readonly RecordSet[]>;
  listed: ReadonlyMap<string, readonly ListedRecord[]>;
  shared: ReadonlySet<string>;
}

/** Records of other types that must not stand beside this set, and stay. */
interface Obstacle {
  found: string;
  why: string;
}

/** RFC 1034 §3.6.2: a CNAME stands alone. Our own that leaves in the same plan is no obstacle. */
function obstacleTo({ type, name }: RecordSet, { sets, listed, shared }: Scene): Obstacle | null {
  const apart = (other: { type: string }) => (type === 'CNAME') !== (other.type === 'CNAME');
  const others = (sets.get(name) ?? []).filter(apart);
  const rival = type === 'CNAME' ? others.find((set) => set.wanted.length > 0 || set.held !== null) : undefined;
  if (rival !== undefined) return { found: rival.type, why: `${rival.type} is declared for this name as well, and a CNAME stands alone. Declare one of them.` };
  const undeclared = others.filter((set) => set.wanted.length === 0 && set.held === null);
  const leaving = new Set(
    undeclared.flatMap(({ mine, there }) => mine.filter((row) => !shared.has(recordKey(row))).flatMap((row) => oursOf(row, there) ?? [])),
  );
  const beside = (listed.get(name) ?? []).filter((record) => apart(record) && !leaving.has(record));
  if (beside.length === 0) return null;
  const found = beside.map((record) => `${record.type} ${record.value}`).join(', ');
  return type === 'CNAME'
    ? { found, why: 'Other records stand here, and a CNAME stands alone. They are never removed for one: remove them, or declare something else.' }
    : { found, why: 'A CNAME stands here, and nothing may stand beside it. It is never removed for another type: remove it, or declare something else.' };
}

function planSet(set: RecordSet, scene: Scene): Decision {
  const { type, name, held, there } = set;
  if (held !== null) {
    const found = there.length === 0 ? null : valuesOf(there.map(({ listed }) => listed));
    return { records: [{ action: 'held', type, name, value: '', found, why: held }], steps: [] };
  }
  const wanted = set.wanted.length === 0 ? { records: [], steps: [] } : planWanted(set, obstacleTo(set, scene));
  const released = planReleased(set, scene);
  return { records: [...wanted.records, ...released.records], steps: [...wanted.steps, ...released.steps] };
}

/** Rows whose values are not declared any more: their records go if they still are as we wrote them. */
function planReleased({ type, name, wanted, mine, there }: RecordSet, { shared }: Scene): Decision {
  const decision: Decision = { records: [], steps: [] };
  for (const row of mine) {
    if (wanted.some(({ value }) => value === row.value)) continue;
    decision.steps.push({ do: 'give-up', entry: row.id });
    if (oursOf(row, there) !== undefined && !shared.has(recordKey(row)))
      decision.records.push({ action: 'remove', type, name, value: row.value, found: null, why: 'It is no longer declared.' });
  }
  return decision;
}

function planWanted({ type, name, wanted, mine, there }: RecordSet, obstacle: Obstacle | null): Decision {
  const decision: Decision = { records: [], steps: [] };
  const plan = (action: PlannedRecord['action'], value: string, found: string | null, why: string | null, ...steps: Step[]) => {
    decision.records.push({ action, type, name, value, found, why });
    decision.steps.push(...steps);
  };
  // One value more in such a set changes what everybody is sent to; TXT and CAA of several owners live side by side.
  const whole = type === 'A' || type === 'AAAA' || type === 'CNAME';
  const adopting = wanted.some(({ adopt }) => adopt);
  const other = there.filter(({ listed }) => !wanted.some(({ value }) => value === listed.value));
  const drifted = other.filter(({ belonging }) => belonging === 'drifted').map(({ listed }) => listed);
  const strangers = whole ? other.filter(({ belonging }) => belonging === 'foreign').map(({ listed }) => listed) : [];
  const conflict = strangers.length === 0 || adopting ? null : valuesOf(strangers);

  for (const record of wanted) {
    const { value, ttl } = record;
    const same = there.filter(({ listed }) => listed.value === value);
    const ours = same.find(({ belonging }) => belonging !== 'foreign');
    const exact = (ours ?? same[0])?.listed;
    if (ours !== undefined) {
      const { listed } = ours;
      const row = mine.find((each) => each.value === value);
      const known = ours.belonging === 'ours' && row?.state === 'written' && row.ttl === ttl;
      const step: Step[] = ours.belonging === 'drifted' ? [{ do: 'claim', listed, ttl }] : known && isTtl(listed.ttl, ttl) ? [] : [{ do: 'want', record }];
      if (!isTtl(listed.ttl, ttl)) plan('correct', value, `TTL ${listed.ttl}`, `Its TTL is to be ${ttl}.`, ...step);
      else if (conflict !== null) plan('conflict', value, conflict, BESIDE, ...step);
      else plan('keep', value, null, null, ...step);
    } else if (exact !== undefined) {
      if (record.adopt) plan('adopt', value, null, 'It stands here already, and is ours from now on.', { do: 'claim', listed: exact, ttl });
      else if (conflict !== null) plan('conflict', value, conflict, IN_THE_WAY);
      else plan('keep', value, `${value}, by somebody else`, 'It stands here already. It is not ours, and stays when this is no longer declared.');
    } else if (obstacle !== null) {
      plan('conflict', value, obstacle.found, obstacle.why);
    } else {
      const changed = takeOut(drifted, ({ id }) => mine.some((row) => row.recordId === id && row.value === value)) ?? (whole ? drifted.shift() : undefined);
      const foreign = changed === undefined && adopting ? strangers.shift() : undefined;
      const want: Step = { do: 'want', record };
      if (changed !== undefined) plan('correct', value, changed.value, 'Somebody else changed our record.', { do: 'take-away', listed: changed }, want);
      else if (foreign !== undefined) plan('adopt', value, foreign.value, TAKEN_OVER, { do: 'take-away', listed: foreign }, want);
      else if (conflict !== null) plan('conflict', value, conflict, IN_THE_WAY);
      else plan('add', value, null, type === 'CAA' && there.length === 0 ? RESTRICTS : null, want);
    }
  }
  const superfluous = obstacle === null ? [...(whole ? drifted : []), ...(adopting ? strangers : [])] : [];
  for (const listed of superfluous) {
    const why = strangers.includes(listed) ? TAKEN_OVER : 'Somebody else changed our record, and its value is not declared.';
    plan('remove', listed.value, null, why, { do: 'take-away', listed });
  }
  return decision;
}

const IN_THE_WAY = 'Somebody else has records of this name and type. Remove them, or take them over with adopt = true.';
const BESIDE = 'Somebody else has added to this name and type. Remove what is not declared, or take it over with adopt = true.';
const TAKEN_OVER = 'adopt = true takes over everything of this name and type.';
const RESTRICTS = 'No CAA stands here so far: from now on no CA that is not named may issue for this name and below it.';

function oursOf(row: LedgerEntry, there: RecordSet['there']): ListedRecord | undefined {
  return there.find(({ listed, belonging }) => belonging === 'ours' && recordKey(listed) === recordKey(row))?.listed;
}

function takeOut<T>(from: T[], fits: (one: T) => boolean): T | undefined {
  const index = from.findIndex(fits);
  return index === -1 ? undefined : from.splice(index, 1)[0];
}

function valuesOf(records: readonly ListedRecord[]): string {
  return records.map(({ value }) => value).join(', ');
}
