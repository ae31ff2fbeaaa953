/** What a whole-zone writer learns from its vendor before it writes, and whether it believes it. */
import { DAY, SECOND } from '../../shared/clock.ts';
import { srvLine } from '../../shared/namecheap/srv-list.ts';
import type { HostTable, SrvRow } from '../../shared/namecheap/host-table.ts';
import { DnsError } from './dns-error.ts';
import type { ReadTable } from './provider.ts';
import type { CallPurpose } from './table-budget.ts';
import { isOurs, stop, zoneName, type TableContext } from './table-context.ts';
import { isCollapsed, isDoubtful } from './table-verdict.ts';

/** A list that can hardly be true is read again after this long, milliseconds. */
const LOOK_AGAIN_MS = 5 * SECOND;
/** A vendor that did not answer for its SRV list is asked again after this long, milliseconds. */
const SRV_SILENT_MS = 30 * DAY;
/** Failures in a row after which we go on without that list. */
const SRV_TRIES = 3;

/** Looks at the list, for people; nothing is concluded from it. @throws DnsError `dns_budget_spent`, and what the vendor's adapter throws. */
export async function look({ calls }: TableContext): Promise<ReadTable> {
  await calls.spend(1, 'records');
  return calls.read();
}

/** Reads the list to act on it. @throws DnsError as {@link look}, and `dns_zone_changed` when it can hardly be true. */
export async function readNow(context: TableContext, purpose: CallPurpose): Promise<HostTable> {
  const { store, calls, clock } = context;
  await calls.spend(1, purpose);
  const { revision } = store.progress();
  const read = await calls.read();
  // While a write is under way, or when somebody has acted meanwhile, it is only looked at.
  const untouched = store.progress().revision === revision && store.attempt() === null && store.stopped() === null;
  if (untouched && !believe(context, read))
    throw new DnsError(
      'dns_zone_changed',
      `${zoneName(context)} lacks much of what was there before; it is looked at once more before anything is done about it.`,
      {
        retryable: true,
        retryAt: clock() + LOOK_AGAIN_MS,
      },
    );
  return read.table;
}

/**
 * Takes a list for the zone's. One that lacks most of what was there is read a second time; if it still does, the zone is
 * stopped, because its owner may have emptied it, and the vendor may have lost it.
 */
export function believe(context: TableContext, { table, text }: ReadTable): boolean {
  const { store, clock } = context;
  const now = clock();
  const known = store.known();
  const { doubt } = store.progress();
  if (isDoubtful(known?.table ?? null, table, isOurs(context)) && (doubt === null || now < doubt.at + LOOK_AGAIN_MS)) {
    const since = doubt ?? { at: now };
    store.update({ doubt: since, pause: { at: now, until: since.at + LOOK_AGAIN_MS, reason: 'the zone is read a second time', error: null } });
    return false;
  }
  if (known !== null && isCollapsed(known.table, table, isOurs(context))) {
    const lines = [`- ${known.table.rows.length} records, as last read`, `+ ${table.rows.length} records, as read now`];
    const snapshot = store.keepSnapshot({ table: known.table, srv: store.progress().srv?.rows ?? null }, known.text, 'before most of it vanished', now);
    stop(context, { message: `most of the records of ${table.domain} are gone, and not by us.`, lines, snapshot });
    return false;
  }
  store.setKnown({ at: now, table, text, current: true });
  store.update({ doubt: null });
  return true;
}

/** Whether the zone can be written at this vendor at all. @throws DnsError `dns_zone_locked`, `dns_not_delegated`, … */
export async function survey(context: TableContext, purpose: CallPurpose): Promise<void> {
  const { store, calls, clock } = context;
  await calls.spend(1, purpose);
  const zone = zoneName(context);
  const { nameServers, obstacles } = await calls.survey();
  const [first] = obstacles;
  if (first !== undefined) throw new DnsError('dns_zone_locked', obstacles.join(' '), { hint: 'Change that at the vendor; the next attempt looks again.' });
  const named = await context.nameServers(zone).catch(() => null);
  const others = (named ?? []).filter((server) => !nameServers.includes(server));
  if (others.length > 0 && nameServers.length > 0)
    throw new DnsError('dns_not_delegated', `The public name servers of ${zone} are ${(named ?? []).join(', ')}; its vendor's are ${nameServers.join(', ')}.`, {
      retryable: true,
      hint: 'Configure a [dns.x] block for the vendor that runs them, delegate _acme-challenge by CNAME, or wait if the name servers were changed just now.',
    });
  store.update({ survey: { at: clock(), nameServers } });
}

/** Null when it is not to be had. It is a precaution: no certificate runs out because the vendor has no answer, again and again. */
async function readSrv({ calls, ledger }: TableContext, purpose: CallPurpose): Promise<SrvRow[] | null> {
  await calls.spend(1, purpose);
  return calls.readSrv().catch((thrown: unknown) => {
    if (thrown instanceof DnsError && thrown.code === 'dns_vendor_failed' && (ledger.zone()?.failures ?? 0) + 1 >= SRV_TRIES) return null;
    throw thrown;
  });
}

/** The side list before the first write of a burst. A vendor that does not answer for it is asked again some day. */
export async function openBurst(context: TableContext, purpose: CallPurpose): Promise<void> {
  const { store, clock } = context;
  const { srv } = store.progress();
  let rows: SrvRow[] | null = null;
  if (srv === null || srv.rows !== null || clock() >= srv.at + SRV_SILENT_MS) {
    rows = await readSrv(context, purpose);
    // A zone that had such records is asked again with the next burst.
    if (rows !== null || (srv?.rows ?? null) === null) store.update({ srv: { at: clock(), rows } });
  }
  store.update({ burst: { at: clock(), srv: rows, snapshot: null, checks: 0 } });
}

/** The side list after the last write of a burst: what stood there must stand there still. */
export async function closeBurst(context: TableContext): Promise<void> {
  const { store, ledger, clock } = context;
  const { burst } = store.progress();
  if (burst === null || burst.snapshot === null || burst.srv === null || burst.srv.length === 0) return store.update({ burst: null });
  const rows = await readSrv(context, 'clean-up');
  const there = new Set((rows ?? burst.srv).map(srvLine));
  const before = new Set(burst.srv.map(srvLine));
  const lost = [...before].filter((line) => !there.has(line));
  if (lost.length === 0) {
    ledger.noteSuccess(clock());
    return store.update({ burst: null, srv: { at: clock(), rows: rows ?? burst.srv } });
  }
  if (burst.checks === 0) {
    const pause = { at: clock(), until: clock() + LOOK_AGAIN_MS, reason: 'the SRV records are read a second time', error: null };
    return store.update({ burst: { ...burst, checks: 1 }, pause });
  }
  const lines = [...lost.map((line) => `- ${line}`), ...[...there].filter((line) => !before.has(line)).map((line) => `+ ${line}`)];
  stop(context, { message: `SRV records of ${zoneName(context)} changed while we wrote other records.`, lines, snapshot: burst.snapshot });
}
