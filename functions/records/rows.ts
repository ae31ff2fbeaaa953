/** Rows and documents of RecordsObject, validated on the way out of storage. */
import { z } from 'zod';
import { errorDataSchema } from '../../shared/errors.ts';
import { dnsVendorSchema } from '../config/configuration.ts';
import { recordsDeclarationSchema } from './ports.ts';

const timestamp = z.number().int().nonnegative();
export const foundZoneSchema = z.object({ vendor: dnsVendorSchema, zone: z.object({ id: z.string(), name: z.string() }) });

/** The records have a table of their own. */
export const receivedSchema = recordsDeclarationSchema.omit({ records: true }).extend({
  /** Unix ms of the last run; null before the first. */
  checkedAt: timestamp.nullable(),
});
export type Received = z.infer<typeof receivedSchema>;

export const placeSchema = z.object({
  /** Also while a later look failed. */
  found: foundZoneSchema.nullable(),
  /** Unix ms of the next look. */
  askAt: timestamp,
  failures: z.number().int().nonnegative(),
  failure: errorDataSchema.nullable(),
});
export type KnownPlace = z.infer<typeof placeSchema>;

export const toldZoneSchema = z.object({
  found: foundZoneSchema,
  /** Hash of what it was told last; null when it is to be told, whatever it knows. */
  told: z.string().nullable(),
  toldAt: timestamp.nullable(),
  askAt: timestamp,
  failures: z.number().int().nonnegative(),
  failure: errorDataSchema.nullable(),
});
export type KnownZone = z.infer<typeof toldZoneSchema>;
