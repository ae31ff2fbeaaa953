/** Whole tables as plain rows, for a backup: the shape. `tables.ts` makes and takes them. */
import { z } from 'zod';

export const MAX_TABLE_ROWS = 50_000;
export const tableNameSchema = z.string().regex(/^[a-z][a-z_]{0,62}$/);
const value = z.union([z.string().max(1_000_000), z.number(), z.null()]);
export const tableRowSchema = z.record(tableNameSchema, value);
export type TableRow = z.infer<typeof tableRowSchema>;

export const tableDumpSchema = z.strictObject({
  /** Of the schema that it was taken from. */
  version: z.number().int().positive(),
  tables: z.record(tableNameSchema, z.array(tableRowSchema).max(MAX_TABLE_ROWS)),
});
export type TableDump = z.infer<typeof tableDumpSchema>;
