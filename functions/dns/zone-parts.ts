/** What a ZoneObject consists of once it knows its vendor: writers of both kinds, declared records, and the outbox. */
import { DeclaredRecords } from './declared-records.ts';
import { DnsError } from './dns-error.ts';
import type { Ledger } from './ledger.ts';
import type { LedgerEntry } from './ledger-entry.ts';
import { questionsAbout } from './audit.ts';
import type { ListedRecord, RecordType } from './provider.ts';
import { TableZone } from './table-zone.ts';
import type { ZoneDependencies } from './wiring.ts';
import { ZoneOutbox } from './zone-outbox.ts';
import type { DeclaredPlan } from './zone-requests.ts';
import { ZoneWriter } from './zone-writer.ts';

export interface ZoneParts {
  dependencies: ZoneDependencies;
  /** For vendors that change single records. */
  writer: ZoneWriter;
  /** For vendors that replace whole zones. */
  table: TableZone;
  declared: DeclaredRecords;
  outbox: ZoneOutbox;
  /** The plan for the declared records against the zone as it is now; null when none are declared. */
  plan: () => Promise<DeclaredPlan | null>;
  /** What the vendor has at the names and of the types of these rows. */
  listAbout(entries: readonly LedgerEntry[]): Promise<ListedRecord[]>;
}

type List = (type: RecordType, names: readonly string[]) => Promise<ListedRecord[]>;

export function connectZone(ledger: Ledger, dependencies: ZoneDependencies): ZoneParts {
  const outbox = new ZoneOutbox(ledger, dependencies.clock);
  const table = new TableZone(ledger, dependencies, (kind, severity, message) => outbox.raise(kind, severity, message));
  const declared = new DeclaredRecords(ledger, dependencies.clock);
  return {
    dependencies,
    writer: new ZoneWriter(ledger, dependencies),
    table,
    declared,
    outbox,
    plan: () => declared.plan(lister(ledger, dependencies, () => table.list('records'))),
    async listAbout(entries) {
      const list = lister(ledger, dependencies, () => table.look());
      const lists = await Promise.all(questionsAbout(entries).map(({ type, names }) => list(type, names)));
      return lists.flat();
    },
  };
}

/** Lists through the first block that still reaches the zone. A whole zone is read once for all questions of one look. */
function lister(ledger: Ledger, { provider }: ZoneDependencies, readWhole: () => Promise<ListedRecord[]>): List {
  let whole: Promise<ListedRecord[]> | undefined;
  return async (type, names) => {
    const zone = ledger.zone()?.zone;
    let failure: unknown;
    for (const vendor of zone === undefined ? [] : ledger.vendors()) {
      const adapter = provider(vendor);
      if (adapter.kind === 'table') {
        whole ??= readWhole();
        return (await whole).filter((record) => record.type === type && names.includes(record.name));
      }
      try {
        if (zone !== undefined) return await adapter.list(zone, { type, names });
      } catch (thrown) {
        failure ??= thrown;
        if (!(thrown instanceof DnsError && (thrown.code === 'dns_unauthorized' || thrown.code === 'dns_forbidden'))) throw thrown;
      }
    }
    throw failure ?? new DnsError('dns_vendor_removed', 'No credentials are known for this zone.');
  };
}
