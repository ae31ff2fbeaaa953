/** What a zone has yet to tell the fleet, as the document `outbox` of its storage. */
import { z } from 'zod';
import { zoneEventSchema } from './zone-report.ts';

const timestamp = z.number().int().nonnegative();
const count = z.number().int().nonnegative();

export const outboxSchema = z.object({
  /** Of the last report and the last event. */
  sequence: count,
  eventSequence: count,
  events: z.array(zoneEventSchema),
  /** What the fleet was told last, in short. */
  told: z.string(),
  retryAt: timestamp,
  failures: count,
});
export type OutboxDocument = z.infer<typeof outboxSchema>;
