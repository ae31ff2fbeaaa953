/**
 * A backup, as docs/backup.md describes it: parts of at most about a megabyte, each a list of items, each encrypted to the
 * operator's key on its own. Most backups have one part. The order of the sections matters: whatever an item needs comes
 * before it.
 */
import { z } from 'zod';
import { certificateDumpSchema } from '../certificates/certificate-dump.ts';
import { authorityDumpSchema } from '../acme/authority-dump.ts';
import { zoneDumpSchema } from '../dns/zone-dump.ts';

/** Raised when an older import could misread what is in it; additions with a default do not. */
export const BACKUP_VERSION = 1;

export const SECTIONS = ['fleet', 'secret', 'authority', 'zone', 'certificate'] as const;
export type Section = (typeof SECTIONS)[number];

const ms = z.number().int().nonnegative();
const secretName = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/);

export const backupItemSchema = z.discriminatedUnion('section', [
  z.object({
    section: z.literal('fleet'),
    name: z.literal('fleet'),
    /** The configuration that was in force, by number and hash; the configuration itself is in `certificates.toml`. */
    generation: z.number().int().positive(),
    hash: z.string().max(100),
    at: ms,
  }),
  z.object({ section: z.literal('secret'), name: secretName, value: z.string().min(1).max(65_536) }),
  z.object({
    section: z.literal('authority'),
    /** URL of the ACME directory: the object's name. */
    name: z.url().max(2_048),
    /** SHA-256 of the account key in the SecretStore, hex: tells whether the key of the account came back. Null without an account. */
    accountKeySha256: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .nullable(),
    dump: authorityDumpSchema,
  }),
  z.object({
    section: z.literal('zone'),
    /** `<provider>:<vendor's zone id>`: the object's name. */
    name: z.string().regex(/^(cloudflare|namecheap):.{1,253}$/),
    dump: zoneDumpSchema,
  }),
  z.object({
    section: z.literal('certificate'),
    name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/),
    dump: certificateDumpSchema,
  }),
]);
export type BackupItem = z.infer<typeof backupItemSchema>;

/** Where the next part begins. */
export const cursorSchema = z.strictObject({
  backup: z.uuid(),
  part: z.number().int().min(1).max(100_000),
  section: z.enum(SECTIONS),
  /** Name of the last item of that section that is out; '' for none. */
  after: z.string().max(2_048),
});
export type Cursor = z.infer<typeof cursorSchema>;

/** What one JWE holds. */
export const backupPartSchema = z.object({
  version: z.literal(BACKUP_VERSION),
  /** Tells the parts of one backup from those of another. */
  backup: z.uuid(),
  /** From 1. */
  part: z.number().int().positive(),
  /** No other part follows: without such a part a backup is incomplete. */
  last: z.boolean(),
  at: ms,
  items: z.array(backupItemSchema).max(1_000),
});
export type BackupPart = z.infer<typeof backupPartSchema>;

/** Items that one request of an import may bring, and its size in bytes. */
export const IMPORT_ITEMS = 40;
export const IMPORT_BYTES = 4 * 1_048_576;
