/**
 * What the writer of a whole-zone vendor remembers between two alarms, as documents on the ZoneObject's storage. Each is
 * validated on the way out; a missing one is null.
 */
import { z } from 'zod';
import { SECOND } from '../../shared/clock.ts';
import { errorDataSchema } from '../../shared/errors.ts';
import { hostTableSchema, srvRowSchema } from '../../shared/namecheap/host-table.ts';

/** Time a write has to take effect, in milliseconds. */
export const WRITE_TIME_MS = 30 * SECOND;
/** How long after its deadline a write may still arrive (DESIGN §3). */
export const WRITE_MARGIN_MS = 30 * SECOND;
/** A list is read back this long after it was written: asked at once, the vendor has shown the one before. */
export const READ_BACK_MS = 2 * SECOND;

const timestamp = z.number().int().nonnegative();
const count = z.number().int().nonnegative();
const srvListSchema = z.array(srvRowSchema).max(1_000).nullable();

/** The last list that was read and believed. */
export const knownSchema = z.object({
  at: timestamp,
  table: hostTableSchema,
  /** As the vendor sent it, for the snapshot. */
  text: z.string(),
  /** False once it is known to be out of date: then it only says how many records there were. */
  current: z.boolean(),
});
export type KnownTable = z.infer<typeof knownSchema>;

/** A write that left, until it has been read back. Stored before it leaves. */
export const attemptSchema = z.object({
  /** Of the intent. */
  id: z.string(),
  kind: z.enum(['change', 'restore']),
  /** The zone before it. */
  snapshot: z.number().int(),
  before: hostTableSchema,
  write: hostTableSchema,
  /** Ledger rows that nothing had been sent for before: when the write turns out to have had no effect, nothing is proven. */
  firstSent: z.array(z.number().int()),
  /** Unix ms after which it cannot take effect any more, margin included. */
  over: timestamp,
  /** The vendor said that it took the list. */
  acknowledged: z.boolean(),
  /** When it is read back. Until a reply says otherwise: not before it is over. */
  readAt: timestamp,
  /** Lists read since that were not the expected one. */
  reads: count,
  /** Attempts to read that failed, in a row. */
  failures: count,
});
export type Attempt = z.infer<typeof attemptSchema>;

/** Changes that arrive close together go out together: when the next write is due, by its most urgent reason. */
const windowSchema = z.object({ since: timestamp, until: timestamp }).nullable();
export const gatheringSchema = z.object({ urgent: windowSchema, cleanUp: windowSchema });
export type Gathering = z.infer<typeof gatheringSchema>;

export const progressSchema = z.object({
  /** Counts up with every change of `known`, `attempt` or `stopped`: what was read before is not acted upon after. */
  revision: count,
  /** What the vendor said about the zone; null when it has to be asked before the next write. */
  survey: z.object({ at: timestamp, nameServers: z.array(z.string()) }).nullable(),
  /** The side list of SRV records, as last read. */
  srv: z.object({ at: timestamp, rows: srvListSchema }).nullable(),
  /** Writes that belong together, a renewal's for instance: the SRV list before the first of them. */
  burst: z.object({ at: timestamp, srv: srvListSchema, snapshot: z.number().int().nullable(), checks: count }).nullable(),
  /** Ledger rows that are to be brought in line although they count as written. */
  queue: z.array(z.number().int()),
  /** Ledger rows that the zone cannot take, until somebody wants them anew. */
  refusals: z.array(z.object({ entry: z.number().int(), error: errorDataSchema })),
  /** Writes in a row after which the zone was not as planned. */
  rounds: count,
  /** Nothing is done before `until`: the budget is spent (no error), or something failed. */
  pause: z.object({ at: timestamp, until: timestamp, reason: z.string(), error: errorDataSchema.nullable() }).nullable(),
  /** A list with far less in it than before was read: it is read once more before anybody is called. */
  doubt: z.object({ at: timestamp }).nullable(),
});
export type Progress = z.infer<typeof progressSchema>;

export const EMPTY_PROGRESS: Progress = {
  revision: 0,
  survey: null,
  srv: null,
  burst: null,
  queue: [],
  refusals: [],
  rounds: 0,
  pause: null,
  doubt: null,
};

/** Writing is refused until a person has looked. */
export const stoppedSchema = z.object({
  at: timestamp,
  message: z.string(),
  lines: z.array(z.string()),
  /** The zone before what is wrong; null when there is none that would help. */
  snapshot: z.number().int().nullable(),
});
export type Stopped = z.infer<typeof stoppedSchema>;

/** What `snapshots.table_json` holds. */
export const snapshotContentSchema = z.object({ table: hostTableSchema, srv: srvListSchema });
export type SnapshotContent = z.infer<typeof snapshotContentSchema>;

/** What a call that publishes has asked for, and up to when it has been told of failures. */
export const publicationSchema = z.object({ entries: z.array(z.number().int()), told: timestamp });
