/** Makes and takes the dump of a zone. */
import { IDENTICAL, kept, RESTORED, type Restoration } from '../../shared/backup/restoration.ts';
import type { Ledger } from './ledger.ts';
import { MAX_DUMPED_ROWS, type ZoneDump } from './zone-dump.ts';

/** Null for a zone that was never used. */
export function dumpZone(ledger: Ledger): ZoneDump | null {
  const state = ledger.zone();
  const vendors = ledger.vendors();
  if (state === null || vendors.length === 0) return null;
  return { zone: state.zone, vendors, records: ledger.dump(MAX_DUMPED_ROWS) };
}

/** Rows that are not here yet are added; a row that is here, in whatever state, knows more than the backup. */
export function restoreZone(ledger: Ledger, { zone, vendors, records }: ZoneDump, now: number, dryRun: boolean): Restoration {
  const here = ledger.zone();
  if (here !== null && here.zone.id !== zone.id) return kept(`It is the zone ${here.zone.id} here, and ${zone.id} in the backup.`);
  const missing = records.filter((row) => !ledger.has(row));
  if (here !== null && missing.length === 0) return IDENTICAL;
  if (dryRun) return RESTORED;
  // The one that was used last is used last again; blocks that were used here since come before all of them.
  if (here === null) for (const vendor of vendors.toReversed()) ledger.use(vendor, zone, now);
  ledger.add(missing);
  return RESTORED;
}
