/**
 * One change of a zone as requests: batches (one transaction each, at most 200 operations on the Free plan), and when the
 * vendor refuses one of its operations, call by call, so that one bad record does not hold up the others.
 *
 * Only what an answer confirms counts as done; whatever it leaves out is read back by the next attempt.
 */
import { SECOND, type Clock } from '../../../shared/clock.ts';
import { DnsError } from '../dns-error.ts';
import { recordKey, type ChangeResult, type DnsRecord, type ListedRecord, type NewRecord, type Zone, type ZoneChange } from '../provider.ts';
import { REQUEST_TIMEOUT_MS, type CloudflareClient } from './client.ts';
import { isIdenticalRecord, isRecordMissing, isRecordRefusal } from './failures.ts';
import { toParameters } from './record-content.ts';
import { parseBatch, parseDeleted, parseRecord, type CloudflareRecord } from './results.ts';

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
  /** @param record the one record that was refused: the error says which. */
  toError(thrown: unknown, record: DnsRecord): DnsError;
}

export async function executeChange(context: ChangeContext, change: ZoneChange): Promise<ChangeResult> {
  const result: ChangeResult = { added: [], refused: [] };
  for (const part of inBatches(change)) {
    const { added, refused } = await executePart(context, part);
    result.added.push(...added);
    result.refused.push(...refused);
  }
  return result;
}

/** Removals first, as in the vendor's own order within a batch. */
function inBatches({ add, remove }: ZoneChange): ZoneChange[] {
  const parts: ZoneChange[] = [];
  const operations = remove.length + add.length;
  for (let start = 0; start < operations; start += MAX_BATCH_OPERATIONS) {
    const end = start + MAX_BATCH_OPERATIONS;
    parts.push({ remove: remove.slice(start, end), add: add.slice(Math.max(0, start - remove.length), Math.max(0, end - remove.length)) });
  }
  return parts;
}

async function executePart(context: ChangeContext, change: ZoneChange): Promise<ChangeResult> {
  if (change.add.length + change.remove.length === 1) return executeSingly(context, change);
  try {
    return await executeBatch(context, change);
  } catch (thrown) {
    if (!isRecordRefusal(thrown)) throw thrown;
    return executeSingly(context, change);
  }
}

async function executeBatch(context: ChangeContext, { add, remove }: ZoneChange): Promise<ChangeResult> {
  const { client, zone, deadline, clock } = context;
  const answer = await client.dns.records.batch(
    { zone_id: zone.id, deletes: remove.map((record) => ({ id: idOf(record) })), posts: add.map(toParameters) },
    { timeout: timeLeft(deadline, clock) },
  );
  const { created, deleted } = parseBatch(answer);
  const result: ChangeResult = { added: [], refused: [] };
  for (const record of remove) if (!deleted.has(idOf(record))) result.refused.push({ record, error: unconfirmed(record) });
  const strays = new Set(created);
  const missing: NewRecord[] = [];
  for (const record of add) {
    const listed = created.find((candidate) => recordKey(candidate) === recordKey(record));
    if (listed === undefined) missing.push(record);
    else {
      strays.delete(listed);
      result.added.push(listed);
    }
  }
  for (const record of missing) {
    const altered = [...strays].find((candidate) => isAltered(record, candidate));
    result.refused.push({ record, error: altered === undefined ? unconfirmed(record) : await takeBack(context, record, altered) });
  }
  refuseWrongZone(result);
  return result;
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
      result.refused.push({ record, error: context.toError(thrown, record) });
    }
  }
  for (const record of remove) await attempt(record, () => removeOne(context, record));
  for (const record of add) {
    await attempt(record, async () => {
      const outcome = await addOne(context, record);
      calls += outcome.requests - 1;
      if ('listed' in outcome) result.added.push(outcome.listed);
      else result.refused.push({ record, error: outcome.error });
    });
  }
  refuseWrongZone(result);
  return result;
}

async function removeOne({ client, zone, deadline, clock }: ChangeContext, record: ListedRecord): Promise<void> {
  const id = idOf(record);
  try {
    const answer = await client.dns.records.delete(id, { zone_id: zone.id }, { timeout: timeLeft(deadline, clock) });
    if (parseDeleted(answer) !== id) throw unconfirmed(record);
  } catch (thrown) {
    if (!isRecordMissing(thrown)) throw thrown;
  }
}

type Addition = ({ listed: ListedRecord } | { error: DnsError }) & { requests: number };

async function addOne(context: ChangeContext, record: NewRecord): Promise<Addition> {
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
  if (!isAltered(record, listed)) throw unconfirmed(record);
  return { error: await takeBack(context, record, listed), requests: 2 };
}

/** A record that only our request can have made, although it is not what we asked for. Nobody else's is ever taken back. */
function isAltered(asked: NewRecord, listed: CloudflareRecord): boolean {
  if (listed.type !== asked.type || listed.comment !== asked.comment) return false;
  return listed.name === asked.name || (listed.name.startsWith(`${asked.name}.`) && listed.value === asked.value);
}

/** Removes what the vendor made of a record. @returns why. */
async function takeBack(context: ChangeContext, asked: NewRecord, listed: CloudflareRecord): Promise<DnsError> {
  await removeOne(context, listed);
  if (listed.name === asked.name) {
    return new DnsError('dns_refused', `Cloudflare made another value of the ${asked.type} record for ${asked.name}, which was removed again.`, {
      hint: 'Write the value as DNS serves it.',
    });
  }
  // The vendor completes a name outside the zone with the zone's name.
  return new DnsError(
    'dns_zone_mismatch',
    `Zone ${context.zone.id} does not hold the name asked for: Cloudflare wrote ${listed.name}, which was removed again.`,
    {
      hint: 'Correct zone_id, or give the token Zone → Zone → Read: then the zone says its own name.',
    },
  );
}

/** In the wrong zone no record of the change is right. */
function refuseWrongZone({ refused }: ChangeResult): void {
  const wrong = refused.find(({ error }) => error.code === 'dns_zone_mismatch');
  if (wrong !== undefined) throw wrong.error;
}

function unconfirmed({ type, name }: DnsRecord): DnsError {
  return new DnsError('dns_vendor_failed', `Cloudflare did not confirm the change of the ${type} record for ${name}; the next attempt reads the zone first.`, {
    retryable: true,
  });
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
