/** The SecretStore port: ACME account keys, DNS tokens, external account keys (DESIGN §8). */
import { z } from 'zod';
import { PerennialError } from '../../shared/errors.ts';
import type { Secret } from './secret.ts';

/** As in `secret:<name>` of the configuration. */
export const secretNameSchema = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/);
/** Limit of AWS Secrets Manager, kept by every store so that a secret can move between them. In bytes of UTF-8. */
export const MAX_SECRET_BYTES = 65_536;

/**
 * All methods throw PerennialError: `secret_name_invalid`, `secret_too_large`, `secret_not_found`,
 * `secret_store_read_only`, `secret_store_unavailable` (retryable), `secret_store_denied`, `secret_key_missing`, `secret_key_wrong`.
 */
export interface SecretStore {
  /** Creates or replaces; the same value again changes nothing. */
  put(name: string, secret: Secret): Promise<void>;
  /** Throws `secret_not_found`. */
  get(name: string): Promise<Secret>;
  has(name: string): Promise<boolean>;
  /** Names in alphabetical order. */
  list(): Promise<string[]>;
  /** Removing what is not there succeeds. */
  remove(name: string): Promise<void>;
}

export function checkName(name: string): void {
  if (secretNameSchema.safeParse(name).success) return;
  throw new PerennialError('secret_name_invalid', `"${name.slice(0, 80)}" is not a name for a secret.`, {
    hint: 'Use up to 63 lower-case letters, digits and hyphens.',
  });
}

export function checkValue(secret: Secret): void {
  const bytes = new TextEncoder().encode(secret.reveal()).byteLength;
  if (bytes === 0 || bytes > MAX_SECRET_BYTES)
    throw new PerennialError('secret_too_large', `A secret has 1 to ${MAX_SECRET_BYTES} bytes; this one has ${bytes}.`);
}

export function notFound(name: string): PerennialError {
  return new PerennialError('secret_not_found', `There is no secret named "${name}".`, {
    hint: `Store it first: npm run secret -- ${name}`,
    details: { name },
  });
}
