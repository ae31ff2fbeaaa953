/** What the zone routes of the administration API answer, as far as the command reads it. */
import { z } from 'zod';
import { zoneHealthSchema, type AuditedRecord, type DeclaredPlan, type SnapshotSummary } from '../../functions/dns/zone-requests.ts';
import { errorDataSchema } from '../../shared/errors.ts';

const text = z.string().max(10_000);
const ms = z.number();

export const zoneSchema = z.object({ provider: text, zoneId: text, zoneName: text });
export type Zone = z.infer<typeof zoneSchema>;

export const zonesAnswer = z.object({ zones: z.array(zoneSchema.extend({ address: text, at: ms, health: zoneHealthSchema })) });
export type ListedZone = z.infer<typeof zonesAnswer>['zones'][number];

const auditedSchema = z.object({
  owner: text,
  name: text,
  type: text,
  value: text,
  state: z.enum(['wanted', 'written', 'removing', 'removed']),
  recordId: text.nullable(),
  found: z.boolean(),
  createdAt: ms,
  expiresAt: ms,
  atVendor: z.enum(['present', 'missing', 'different', 'foreign']),
}) satisfies z.ZodType<AuditedRecord>;
export const recordsAnswer = z.object({ zone: zoneSchema, records: z.array(auditedSchema) });

const plannedSchema = z.object({
  action: z.enum(['keep', 'add', 'correct', 'remove', 'adopt', 'conflict', 'held']),
  type: text,
  name: text,
  value: text,
  found: text.nullable(),
  why: text.nullable(),
});
const planSchema = z.object({ digest: text, approved: z.boolean(), at: ms, records: z.array(plannedSchema) }) satisfies z.ZodType<DeclaredPlan>;
export const planAnswer = z.object({ zone: zoneSchema, plan: planSchema.nullable() });

/** `GET /api/v1/records`: every declared record, and the plan of each zone. */
export const declaredAnswer = z.object({
  records: z.array(
    z.object({
      name: text,
      type: text,
      source: text,
      state: z.enum(['declared', 'held', 'failing', 'pending']),
      held: text.nullable(),
      zone: zoneSchema.nullable(),
      failure: errorDataSchema.nullable(),
    }),
  ),
  plans: z.array(z.object({ zone: zoneSchema, plan: planSchema.nullable(), failure: errorDataSchema.nullable() })),
  /** Zones whose plan was not asked for, because there are too many. */
  unread: z.number(),
});

const snapshotSchema = z.object({ id: z.number(), at: ms, reason: text, rows: z.number(), emailType: text }) satisfies z.ZodType<SnapshotSummary>;
export const snapshotsAnswer = z.object({ zone: zoneSchema, snapshots: z.array(snapshotSchema) });
export const previewAnswer = z.object({ zone: zoneSchema, snapshot: snapshotSchema, digest: text, lines: z.array(text) });

/** After something was done: the zone as it is now, where it could be asked. */
export const doneAnswer = z.object({ zone: zoneSchema, health: zoneHealthSchema.nullable() });
