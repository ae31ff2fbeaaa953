/**
 * Puts a zone back as a snapshot has it, or lets a stopped one go on as it is: what a person decides after having looked.
 * What the preview shows is exactly what is written; records that the ledger answers for stay as they are.
 */
import { MAX_HOSTS, type HostRow, type HostTable } from '../../shared/namecheap/host-table.ts';
import { difference } from '../../shared/namecheap/comparison.ts';
import { sha256Hex } from '../../shared/x509/chain.ts';
import { DnsError } from './dns-error.ts';
import type { LedgerEntry } from './ledger-entry.ts';
import { CALLS_OF_A_WRITE } from './table-calls.ts';
import { zoneName, type TableContext } from './table-context.ts';
import { answeredFor, listedRecords, rowOf } from './table-plan.ts';
import { send } from './table-sending.ts';
import { WRITE_MARGIN_MS } from './table-state.ts';
import type { Snapshot } from './table-store.ts';
import { identities } from './table-verdict.ts';
import type { RestorePreview, SnapshotSummary } from './zone-requests.ts';

/**
 * The snapshot's records without those that were ours then, and with those that are ours now. A pure function.
 * @param entries the ledger without what was removed before the snapshot: whoever has made such a record since, it is theirs.
 */
export function restoreTarget(snapshot: HostTable, current: HostTable, entries: readonly LedgerEntry[]): HostTable {
  const domain = current.domain;
  const ever = identities(entries.filter(({ sentAt, found }) => sentAt !== null && !found).flatMap((entry) => rowOf(entry, domain)));
  const now = answeredFor(entries, domain);
  const rows: HostRow[] = [...snapshot.rows.filter((row) => !ever(row)), ...current.rows.filter(now)];
  if (rows.length > MAX_HOSTS)
    throw new DnsError('dns_zone_full', `The snapshot and our records together are ${rows.length} records; ${MAX_HOSTS} are possible.`);
  return { domain, emailType: snapshot.emailType, rows };
}

export function summaryOf({ id, at, reason, table }: Snapshot): SnapshotSummary {
  return { id, at, reason, rows: table.rows.length, emailType: table.emailType };
}

interface Preview extends RestorePreview {
  current: HostTable;
  text: string;
  target: HostTable;
}

/** Reads the zone. @throws DnsError `dns_refused` for a snapshot that is not kept, `dns_zone_busy` while a write is on its way. */
export async function previewRestore(context: TableContext, id: number): Promise<Preview> {
  const { store, ledger, calls } = context;
  refuseBusy(context);
  const snapshot = store.snapshot(id);
  if (snapshot === null) throw new DnsError('dns_refused', `${zoneName(context)} has no snapshot ${id}.`, { hint: 'Older ones are not kept.' });
  await calls.spend(1, 'challenge');
  const { table: current, text } = await calls.read();
  const names = [...listedRecords(snapshot.table), ...listedRecords(current)].map(({ name }) => name);
  const target = restoreTarget(snapshot.table, current, ledger.entriesOfNames([...new Set(names)], snapshot.at));
  // Hexadecimal: people repeat it on a command line, where base64url that begins with a dash would be taken for an option.
  const digest = await sha256Hex(new Uint8Array(new TextEncoder().encode(JSON.stringify([id, spelling(current), spelling(target)]))));
  return { snapshot: summaryOf(snapshot), digest, lines: difference(current, target).lines, current, text, target };
}

/** @throws DnsError `dns_zone_changed` when the preview is not true any more. */
export async function restore(context: TableContext, id: number, digest: string): Promise<void> {
  const { store, calls } = context;
  const preview = await previewRestore(context, id);
  if (preview.digest !== digest)
    throw new DnsError('dns_zone_changed', 'Restoring would do something else than was shown: the zone has changed since.', { hint: 'Look at it again.' });
  if (preview.lines.length === 0) return release(context);
  const { revision } = store.progress();
  await calls.spend(CALLS_OF_A_WRITE, 'challenge');
  refuseBusy(context);
  if (store.progress().revision !== revision) throw new DnsError('dns_zone_busy', 'Something else happened to this zone just now.', { retryable: true });
  const { current: before, text, target: write } = preview;
  await send(context, { kind: 'restore', before, text, write, adding: [], reason: `before snapshot ${id} was restored` });
}

/** Forgets what was believed of the zone, so that it is taken as it is. */
export function release({ store, raise, ledger }: TableContext): void {
  const was = store.stopped();
  store.setStopped(null);
  store.setKnown(null);
  store.update({ doubt: null, pause: null, rounds: 0, burst: null });
  if (was !== null) raise('zone_released', 'info', `Writing to ${ledger.zone()?.zone.name ?? 'the zone'} goes on with the zone as it is.`);
}

function refuseBusy({ store, ledger, clock }: TableContext): void {
  const attempt = store.attempt();
  const intent = ledger.intent();
  const over = attempt?.readAt ?? (intent === null ? 0 : intent.deadline + WRITE_MARGIN_MS);
  if (attempt !== null || clock() < over)
    throw new DnsError('dns_zone_busy', 'An earlier change of this zone is being read back.', { retryable: true, retryAt: Math.max(over, clock()) });
}

function spelling({ emailType, rows }: HostTable): unknown[] {
  return [emailType, rows.map((row) => JSON.stringify(row)).toSorted()];
}
