/**
 * One row of a zone's ledger, validated on the way out of storage.
 *
 *   wanted ──▶ written ──▶ removing ──▶ removed
 */
import { z } from 'zod';
import { recordTypeSchema } from './provider.ts';

/** Owner of the rows of `[[records]]`; no issuance is named so. */
export const DECLARED = 'declared';
/** `expires_at` of a row that the janitor never gives up by itself: the last moment a Date can name. */
export const NEVER = 8_640_000_000_000_000;

const timestamp = z.number().int().nonnegative();
/** As it is stored. */
export const ledgerRowSchema = z.object({
  id: z.number().int(),
  owner: z.string(),
  name: z.string(),
  type: recordTypeSchema,
  value: z.string(),
  state: z.enum(['wanted', 'written', 'removing', 'removed']),
  record_id: z.string().nullable(),
  sent_at: timestamp.nullable(),
  found: z.number().int(),
  created_at: timestamp,
  expires_at: timestamp,
  ttl: z.number().int().nullable(),
});
/** A row without its number, which says nothing in another database. */
export type LedgerRow = Omit<z.infer<typeof ledgerRowSchema>, 'id'>;

export const ledgerEntrySchema = ledgerRowSchema.transform((row) => ({
  id: row.id,
  owner: row.owner,
  name: row.name,
  type: row.type,
  value: row.value,
  state: row.state,
  /** The vendor's id of the record, once we know that it is ours. */
  recordId: row.record_id,
  /** When a request that creates it was about to leave, for this row or one it took over from; null when none ever did. */
  sentAt: row.sent_at,
  /** Somebody else's record with exactly this value was there before: it is theirs, and stays. */
  found: row.found === 1,
  createdAt: row.created_at,
  expiresAt: row.expires_at,
  /** Seconds; null for a challenge, which takes the least its vendor allows. */
  ttl: row.ttl,
}));
export type LedgerEntry = z.infer<typeof ledgerEntrySchema>;
