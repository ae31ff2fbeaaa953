/** What a zone keeps of its declared records, as the document `declared` of its storage. */
import { z } from 'zod';
import { declareRequestSchema } from './zone-requests.ts';

const timestamp = z.number().int().nonnegative();
const count = z.number().int().nonnegative();

export const declarationSchema = z.object({
  ...declareRequestSchema.pick({ generation: true, records: true, held: true }).shape,
  /** A plan of this zone was approved: later ones apply on their own. */
  started: z.boolean(),
  /** Digest of a plan that was approved and not enacted yet. */
  consent: z.string().nullable(),
  /** Unix ms of the next comparison with the zone. */
  checkAt: timestamp,
  /** Comparisons in a row that failed, and those that found something to write. */
  failures: count,
  changes: count,
  /** Of the last plan. */
  summary: z
    .object({ approved: z.boolean(), digest: z.string(), at: timestamp, add: count, differ: count, remove: count, conflicts: count, kept: count })
    .nullable(),
});
export type DeclarationDocument = z.infer<typeof declarationSchema>;
