/** What may be asked of a ZoneObject: the shapes that cross the object border, validated by the callee. */
import { z } from 'zod';
import { errorDataSchema, type Outcome } from '../../shared/errors.ts';
import { idSchema } from '../../shared/relay/contract.ts';
import { dnsVendorSchema } from '../config/configuration.ts';
import { recordTypeSchema } from './provider.ts';

const operationSchema = z.string().min(1).max(200);

export const presentRequestSchema = z.object({
  /** The block through which the zone was found: only references to secrets, no secret. */
  vendor: dnsVendorSchema,
  zone: z.object({ id: z.string().min(1).max(300), name: z.string().min(1).max(253) }),
  owner: idSchema,
  operation: operationSchema,
  records: z
    .array(
      z.object({
        name: z
          .string()
          .min(1)
          .max(253)
          .regex(/^[a-z0-9_.-]+$/),
        value: z
          .string()
          .min(1)
          .max(255)
          .regex(/^[\x20-\x7e]+$/),
      }),
    )
    .min(1)
    .max(200),
});
export type PresentRequest = z.infer<typeof presentRequestSchema>;

export const cleanUpRequestSchema = z.object({ owner: idSchema, operation: operationSchema });
export type CleanUpRequest = z.infer<typeof cleanUpRequestSchema>;

/**
 * How far a change has come. `retryAt` null: the vendor has the records. Else: it is under way or waits for its turn,
 * nothing failed; ask again then, with the same operation. (The release before answered null for "done".)
 */
export const presentedSchema = z.object({ retryAt: z.number().int().nonnegative().nullable() });
export type Presented = z.infer<typeof presentedSchema>;

/** Asked before an order is spent: could these names be published here? */
export const examineRequestSchema = z.object({
  vendor: dnsVendorSchema,
  zone: presentRequestSchema.shape.zone,
  /** Names of the TXT records to come, with how many values each. */
  records: z
    .array(z.object({ name: z.string().min(1).max(253), values: z.number().int().min(1).max(100) }))
    .min(1)
    .max(200),
});
export type ExamineRequest = z.infer<typeof examineRequestSchema>;
export interface Examination {
  /** Name servers that the registrar must name; null when the vendor does not say. */
  nameServers: string[] | null;
}

/** A record as it is to be. Identity is name, type and value. */
export const desiredRecordSchema = z.object({
  type: recordTypeSchema,
  name: presentRequestSchema.shape.records.element.shape.name.or(
    z
      .string()
      .regex(/^\*\.[a-z0-9_.-]+$/)
      .max(253),
  ),
  value: z.string().min(1).max(2_048),
  ttl: z.number().int().min(60).max(60_000),
  adopt: z.boolean(),
});
export type DesiredRecord = z.infer<typeof desiredRecordSchema>;

/** Everything that is declared for one zone; an empty list takes back what was declared before. */
export const declareRequestSchema = z.object({
  vendor: dnsVendorSchema,
  zone: presentRequestSchema.shape.zone,
  /** Of the configuration; an older one than the last is ignored. */
  generation: z.number().int().nonnegative(),
  records: z.array(desiredRecordSchema).max(1_000),
  /** Names and types whose values are not known yet (no healthy instance, no account): what stands there stays as it is. */
  held: z.array(z.object({ type: recordTypeSchema, name: z.string().max(253), why: z.string().max(300) })).max(1_000),
});
export type DeclareRequest = z.infer<typeof declareRequestSchema>;

/** One line of the plan for declared records. */
export interface PlannedRecord {
  /** `conflict`: somebody else's record is in the way and stays. `held`: its values are not known yet. */
  action: 'keep' | 'add' | 'correct' | 'remove' | 'adopt' | 'conflict' | 'held';
  type: string;
  name: string;
  /** As declared; for `remove` as written. Empty for `held`. */
  value: string;
  /** What stands there and differs, for people; null when nothing does. */
  found: string | null;
  /** Why, as a sentence, for `conflict`, `held`, `correct`. */
  why: string | null;
}
export interface DeclaredPlan {
  /** Names this plan: approving needs it, and it changes with the plan. */
  digest: string;
  /** Until the first plan of a zone is approved, nothing of it is written. */
  approved: boolean;
  at: number;
  records: PlannedRecord[];
}

/** A row of the ledger beside what the vendor has. */
export interface AuditedRecord extends OwnedRecord {
  /** `present`, `missing`, `different` (same name and type, other value), `foreign` (it was there before us and stays). */
  atVendor: 'present' | 'missing' | 'different' | 'foreign';
}

/** A whole zone as it was before a write of ours. */
export interface SnapshotSummary {
  id: number;
  at: number;
  reason: string;
  rows: number;
  emailType: string;
}
/** What restoring a snapshot would do, against the zone as it is now. */
export interface RestorePreview {
  snapshot: SnapshotSummary;
  /** Names this preview: restoring needs it, and any change of the zone changes it. */
  digest: string;
  /** One line per record: `+ @ MX aspmx.l.google.com. 1 3600`, `- www CNAME …`; empty when nothing differs. */
  lines: string[];
}

const timestamp = z.number().int().nonnegative();
const count = z.number().int().nonnegative();

/** What the status page shows of a zone. */
export const zoneHealthSchema = z.object({
  provider: z.string().max(20),
  zoneId: z.string().max(300),
  zoneName: z.string().max(253),
  vendors: z.array(z.string().max(63)).max(50),
  lastSuccessAt: timestamp.nullable(),
  lastError: z.object({ at: timestamp, error: errorDataSchema }).nullable(),
  /** Records that the ledger believes to be at the vendor, or on the way there. */
  live: count,
  /** Of them, those that are to be removed. */
  removing: count,
  /** Writing is refused until somebody has looked; `lines` says exactly what differs, `command` restores it. */
  stopped: z.object({ at: timestamp, message: z.string().max(2_000), lines: z.array(z.string().max(3_000)).max(310), command: z.string().max(400) }).nullable(),
  /** Not now, but then: the vendor's budget, a read-back that is due, a change of ours that is under way. */
  waiting: z.object({ until: timestamp, reason: z.string().max(300) }).nullable(),
  /** Of the declared records; null when none are declared here. `why` of what cannot be done is in the plan. */
  declared: z
    .object({ approved: z.boolean(), digest: z.string().max(100), at: timestamp, add: count, differ: count, remove: count, conflicts: count, kept: count })
    .nullable(),
});
export type ZoneHealth = z.infer<typeof zoneHealthSchema>;

/** A record the ledger answers for. */
export interface OwnedRecord {
  owner: string;
  name: string;
  type: string;
  value: string;
  state: 'wanted' | 'written' | 'removing' | 'removed';
  recordId: string | null;
  found: boolean;
  createdAt: number;
  expiresAt: number;
}

/** The calls of a ZoneObject as people's tools see them (API, command, page). */
export interface ZoneAdministration {
  health(): Promise<Outcome<ZoneHealth | null>>;
  /** The ledger compared with the vendor. */
  audit(): Promise<Outcome<AuditedRecord[]>>;
  /** The plan for the declared records against the zone as it is now; null when none are declared. */
  plan(): Promise<Outcome<DeclaredPlan | null>>;
  /** Lets the plan of this digest be carried out. `dns_zone_changed` when it is not the plan any more. */
  approve(digest: string): Promise<Outcome<null>>;
  snapshots(): Promise<Outcome<SnapshotSummary[]>>;
  previewRestore(snapshot: number): Promise<Outcome<RestorePreview>>;
  /** Writes the snapshot back and lets a stopped zone go on. `dns_zone_changed` when the preview is not true any more. */
  restore(snapshot: number, digest: string): Promise<Outcome<null>>;
  /** Lets a stopped zone go on as it is: somebody has looked, and it is right. */
  release(): Promise<Outcome<null>>;
}

/** The calls of a ZoneObject as its callers see them. */
export interface ZonePort {
  /** Publishes TXT records. The same request again is a no-op and tells how far it has come. */
  present(request: PresentRequest): Promise<Outcome<Presented | null>>;
  /** Gives up what `owner` wrote: exactly that is removed, at once or with the zone's next write, and nobody else's. */
  cleanUp(request: CleanUpRequest): Promise<Outcome<null>>;
  /** @throws (in the outcome) what stands in the way: `dns_zone_full`, `dns_name_too_long`, `dns_zone_stopped`, `dns_zone_locked`, … */
  examine(request: ExamineRequest): Promise<Outcome<Examination>>;
  declare(request: DeclareRequest): Promise<Outcome<null>>;
}
