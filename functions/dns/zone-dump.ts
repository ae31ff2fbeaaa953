/**
 * A zone in a backup: how it is reached, and every ledger row that may still stand for a record at the vendor. Left out:
 * removed rows, snapshots, a write that was under way, and what is declared, which the configuration declares again.
 */
import { z } from 'zod';
import { dnsVendorSchema } from '../config/configuration.ts';
import { ledgerRowSchema } from './ledger-entry.ts';

export const MAX_DUMPED_ROWS = 20_000;

export const zoneDumpSchema = z.strictObject({
  zone: z.strictObject({ id: z.string().min(1).max(253), name: z.string().min(1).max(253) }),
  /** Last used first; they name secrets and hold none. */
  vendors: z.array(dnsVendorSchema).min(1).max(100),
  records: z.array(ledgerRowSchema.omit({ id: true })).max(MAX_DUMPED_ROWS),
});
export type ZoneDump = z.infer<typeof zoneDumpSchema>;
