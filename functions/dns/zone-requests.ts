/** What may be asked of a ZoneObject: the shapes that cross the object border, validated by the callee. */
import { z } from 'zod';
import type { ErrorData, Outcome } from '../../shared/errors.ts';
import { idSchema } from '../../shared/relay/contract.ts';
import { dnsVendorSchema } from '../config/configuration.ts';

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

/** What the status page shows of a zone. */
export interface ZoneHealth {
  zoneId: string;
  zoneName: string;
  vendors: string[];
  lastSuccessAt: number | null;
  lastError: { at: number; error: ErrorData } | null;
  /** Records that the ledger believes to be at the vendor, or on the way there. */
  live: number;
  /** Of them, those that are to be removed. */
  removing: number;
}

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

/** The calls of a ZoneObject as its callers see them. */
export interface ZonePort {
  /** Publishes TXT records; returns when the vendor has them. The same request again is a no-op. */
  present(request: PresentRequest): Promise<Outcome<null>>;
  /** Removes exactly what `owner` wrote and nobody else wants. Nothing to do is success. */
  cleanUp(request: CleanUpRequest): Promise<Outcome<null>>;
}
