/**
 * One change of a zone as requests: a batch (one transaction, at most 200 operations on the Free plan), and when the
 * vendor refuses one of its operations, call by call, so that one bad record does not hold up the others.
 */
import { SECOND, type Clock } from '../../../shared/clock.ts';
import { DnsError } from '../dns-error.ts';
import { recordKey, type ChangeResult, type DnsRecord, type ListedRecord, type NewRecord, type Zone, type ZoneChange } from '../provider.ts';
import { REQUEST_TIMEOUT_MS, type CloudflareClient } from './client.ts';
import { isIdenticalRecord, isRecordMissing, isRecordRefusal } from './failures.ts';
import { parseBatch, parseRecord } from './results.ts';
import { quoteTxt } from './txt-content.ts';

/** Operations that fit into one batch on every plan. */
export const MAX_BATCH_OPERATIONS = 200;
/** Requests of one fallback, look-ups included: well under the 50 subrequests of the Free plan. */
const MAX_SINGLE_CALLS = 30;
/** Less time than this is not enough to start a request. */
const LEAST_TIME_MS = SECOND;

export interface ChangeContext {
  client: CloudflareClient;
  zone: Zone;
  deadline: number;
  clock: Clock;
  /** Reads back the record of exactly this type, name and value. */
  find(record: DnsRecord): Promise<ListedRecord | undefined>;
  toError(thrown: unknown): DnsError;
}

export async function executeChange(context: ChangeContext, change: ZoneChange): Promise<ChangeResult> {
  const operations = change.add.length + change.remove.length;
  if (operations === 0) return { added: [], refused: [] };
  if (operations > 1 && operations <= MAX_BATCH_OPERATIONS) {
    try {
      return await executeBatch(context, change);
    } catch (thrown) {
      if (!isRecordRefusal(thrown)) throw thrown;
    }
  }
  return executeSingly(context, change);
}

async function executeBatch(context: ChangeContext, { add, remove }: ZoneChange): Promise<ChangeResult> {
  const { client, zone, deadline, clock } = context;
  const answer = await client.dns.records.batch(
    { zone_id: zone.id, deletes: remove.map((record) => ({ id: idOf(record) })), posts: add.map(toParameters) },
    { timeout: timeLeft(deadline, clock) },
  );
  const created = parseBatch(answer);
  const asked = new Set(add.map(recordKey));
  const strays = created.filter((listed) => !asked.has(recordKey(listed)));
  for (const stray of strays) await removeOne(context, stray);
  const [stray] = strays;
  if (stray !== undefined) throw misplaced(zone, stray);
  return { added: created, refused: [] };
}

async function executeSingly(context: ChangeContext, { add, remove }: ZoneChange): Promise<ChangeResult> {
  const result: ChangeResult = { added: [], refused: [] };
  let calls = 0;
  async function attempt(record: DnsRecord, work: () => Promise<void>): Promise<void> {
    if (calls >= MAX_SINGLE_CALLS) {
      result.refused.push({
        record,
        error: new DnsError('dns_vendor_failed', 'Cloudflare refused a record of the batch; the others follow one by one.', { retryable: true }),
      });
      return;
    }
    calls += 1;
    try {
      await work();
    } catch (thrown) {
      if (!isRecordRefusal(thrown)) throw thrown;
      result.refused.push({ record, error: context.toError(thrown) });
    }
  }
  for (const record of remove) await attempt(record, () => removeOne(context, record));
  for (const record of add) {
    await attempt(record, async () => {
      const { listed, requests } = await addOne(context, record);
      calls += requests - 1;
      result.added.push(listed);
    });
  }
  return result;
}

async function removeOne({ client, zone, deadline, clock }: ChangeContext, record: ListedRecord): Promise<void> {
  try {
    await client.dns.records.delete(idOf(record), { zone_id: zone.id }, { timeout: timeLeft(deadline, clock) });
  } catch (thrown) {
    if (!isRecordMissing(thrown)) throw thrown;
  }
}

async function addOne(context: ChangeContext, record: NewRecord): Promise<{ listed: ListedRecord; requests: number }> {
  const { client, zone, deadline, clock } = context;
  let created: unknown;
  try {
    created = await client.dns.records.create({ zone_id: zone.id, ...toParameters(record) }, { timeout: timeLeft(deadline, clock) });
  } catch (thrown) {
    if (!isIdenticalRecord(thrown)) throw thrown;
    const existing = await context.find(record);
    if (existing !== undefined) return { listed: existing, requests: 2 };
    throw new DnsError('dns_vendor_failed', `Cloudflare says that ${record.name} holds this value already, and does not list it.`, {
      retryable: true,
      cause: thrown,
    });
  }
  const listed = parseRecord(created);
  if (recordKey(listed) === recordKey(record)) return { listed, requests: 1 };
  await removeOne(context, listed);
  throw misplaced(zone, listed);
}

/** The vendor completes a name outside the zone with the zone's name; such a record is taken back before anything else. */
function misplaced(zone: Zone, listed: ListedRecord): DnsError {
  return new DnsError('dns_zone_mismatch', `Zone ${zone.id} does not hold the name asked for: Cloudflare wrote ${listed.name}, which was removed again.`, {
    hint: 'Correct zone_id.',
  });
}

function toParameters({ type, name, value, ttl, comment }: NewRecord) {
  return { type, name, content: type === 'TXT' ? quoteTxt(value) : value, ttl, comment };
}

function idOf(record: ListedRecord): string {
  if (record.id === null) throw new DnsError('dns_refused', `The record ${record.name} has no id at Cloudflare.`);
  return record.id;
}

/** Milliseconds the next request may take. @throws DnsError when the deadline leaves no time to start one. */
function timeLeft(deadline: number, clock: Clock): number {
  const left = deadline - clock();
  if (left < LEAST_TIME_MS) throw new DnsError('dns_vendor_failed', 'The deadline of this change is over; the rest follows.', { retryable: true });
  return Math.min(left, REQUEST_TIMEOUT_MS);
}
