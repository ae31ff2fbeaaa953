/** What has to be on disk before a write leaves: the zone before it as a snapshot, and the ledger's word for every record it changes. */
import { z } from 'zod';
import type { NamecheapWriteRequest } from '../../shared/relay/contract.ts';
import { identity } from './dns-namecheap-strangers.ts';

const snapshotSchema = z.object({ table: z.object({ rows: z.array(z.unknown()) }) });
const recordSchema = z.object({ type: z.string(), name: z.string(), value: z.string() });

/** What is missing, in sentences. */
export function missingPrecautions(sql: SqlStorage, { expect, write }: NamecheapWriteRequest): string[] {
  const [snapshot] = sql.exec<{ table_json: string }>('SELECT table_json FROM snapshots ORDER BY id DESC LIMIT 1').toArray();
  const kept = snapshot === undefined ? [] : snapshotSchema.parse(JSON.parse(snapshot.table_json)).table.rows;
  const without = JSON.stringify(kept) === JSON.stringify(expect.rows) ? [] : ['A write left without a snapshot of the zone before it.'];
  const [before, after] = [new Set(expect.rows.map(identity)), new Set(write.rows.map(identity))];
  const changed = [...write.rows.filter((row) => !before.has(identity(row))), ...expect.rows.filter((row) => !after.has(identity(row)))];
  const noted = new Set(
    sql
      .exec("SELECT type, name, value FROM records WHERE sent_at IS NOT NULL AND found = 0 AND state <> 'removed'")
      .toArray()
      .map((row) => recordSchema.parse(row))
      .map(({ type, name, value }) => identity({ type, name: hostOf(name, expect.domain), address: value })),
  );
  const unknown = changed.filter((row) => !noted.has(identity(row)));
  return [...without, ...unknown.map(({ name, type, address }) => `A write left that changes ${name} ${type} ${address}, of which the ledger knows nothing.`)];
}

/** A full name as the vendor writes it. */
export function hostOf(name: string, domain: string): string {
  return name === domain ? '@' : name.slice(0, -domain.length - 1);
}
