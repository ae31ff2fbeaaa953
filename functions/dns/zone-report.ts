/** What a zone tells the fleet through its outbox: how it is, and what happened since the last report that arrived. */
import { z } from 'zod';
import { zoneHealthSchema } from './zone-requests.ts';

/** Events of one report; the rest comes with the next one. */
export const MAX_REPORTED_EVENTS = 50;

const timestamp = z.number().int().nonnegative();

export const zoneEventSchema = z.object({
  /** Counts up within the zone: an event that is delivered twice is one. */
  sequence: z.number().int().positive(),
  at: timestamp,
  /** Stable, lower snake case, for programs: `zone_stopped`, `zone_restored`, … */
  kind: z.string().regex(/^[a-z][a-z_]{2,63}$/),
  /** `critical`: something of somebody else's may be lost, and a person has to look. */
  severity: z.enum(['info', 'warning', 'critical']),
  /** For people. Names what differs exactly, and what to do. */
  message: z.string().max(4_000),
});
export type ZoneEvent = z.infer<typeof zoneEventSchema>;

export const zoneReportSchema = z.object({
  provider: z.string().max(20),
  zoneId: z.string().max(300),
  zoneName: z.string().max(253),
  /** Counts up within the zone: an older report than the last is ignored, but for its events. */
  sequence: z.number().int().positive(),
  at: timestamp,
  health: zoneHealthSchema,
  events: z.array(zoneEventSchema).max(MAX_REPORTED_EVENTS),
});
export type ZoneReport = z.infer<typeof zoneReportSchema>;

/** Hands a report to the fleet. Throws when it may not have arrived: it is sent again. */
export type SendZoneReport = (report: ZoneReport) => Promise<void>;
