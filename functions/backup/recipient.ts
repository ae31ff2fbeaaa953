/** The operator's public key, and encryption to it: JWE compact (RFC 7516), ECDH-ES+A256KW and A256GCM (RFC 7518 §4.6, §5.3). */
import { calculateJwkThumbprint, CompactEncrypt, importJWK } from 'jose';
import { z } from 'zod';
import { PerennialError } from '../../shared/errors.ts';

const coordinate = z.string().regex(/^[A-Za-z0-9_-]{43}$/);
const kid = z.string().min(1).max(200).optional();
/** Public members only: a private key that is sent by mistake is refused before anything is done with it. */
export const recipientSchema = z.discriminatedUnion('kty', [
  z.strictObject({ kty: z.literal('EC'), crv: z.literal('P-256'), x: coordinate, y: coordinate, kid }),
  z.strictObject({ kty: z.literal('OKP'), crv: z.literal('X25519'), x: coordinate, kid }),
]);
export type Recipient = z.infer<typeof recipientSchema>;

const ALGORITHM = 'ECDH-ES+A256KW';

export interface Sealer {
  /** RFC 7638 thumbprint of the key: says for whom it is. */
  thumbprint: string;
  encrypt: (plaintext: string) => Promise<string>;
}

/** Throws `backup_recipient_invalid` for a key that is none, `backup_recipient_refused` for another one than `only`. */
export async function sealerFor({ kid: _kid, ...recipient }: Recipient, only: string | null): Promise<Sealer> {
  const thumbprint = await calculateJwkThumbprint(recipient);
  if (only !== null && thumbprint !== only)
    throw new PerennialError('backup_recipient_refused', `This Worker makes backups for the key ${only.slice(0, 100)} only, and not for ${thumbprint}.`, {
      hint: 'Use the public key that belongs to BACKUP_KEY, or set that Worker secret to the thumbprint of the new one.',
    });
  const invalid = () =>
    new PerennialError('backup_recipient_invalid', "The recipient's key is no point on its curve.", {
      hint: 'Make one with: npm run export -- --new-key operator.jwk',
    });
  const key = await importJWK(recipient, ALGORITHM).catch(() => {
    throw invalid();
  });
  return {
    thumbprint,
    encrypt: async (plaintext) =>
      new CompactEncrypt(new TextEncoder().encode(plaintext))
        .setProtectedHeader({ alg: ALGORITHM, enc: 'A256GCM', kid: thumbprint, typ: 'perennial-backup+jwe', cty: 'application/json' })
        .encrypt(key)
        .catch(() => {
          throw invalid();
        }),
  };
}
