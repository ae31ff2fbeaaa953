/** A CA directory in a backup: the account and everything the ledger counts. */
import { z } from 'zod';
import { tableDumpSchema } from '../storage/table-dump.ts';

export const authorityDumpSchema = z.strictObject({
  /** Null: no account was registered. */
  account: z.strictObject({ keyName: z.string().max(100), url: z.url().max(2_048) }).nullable(),
  ledger: tableDumpSchema,
});
export type AuthorityDump = z.infer<typeof authorityDumpSchema>;
