/** Key material of a deployment, made on this machine and nowhere else. */
import { randomBytes } from 'node:crypto';
import { exportJWK, generateKeyPair } from 'jose';
import { privateKeySchema, publicKeySchema, type PrivateKey, type PublicKey } from '../../shared/link/signatures.ts';

/** An Ed25519 pair as private JWK. @param kid names the key on both sides, so that keys can be rotated. */
export async function makeSigningKey(kid: string): Promise<PrivateKey> {
  const { privateKey } = await generateKeyPair('EdDSA', { crv: 'Ed25519', extractable: true });
  return privateKeySchema.parse({ ...(await exportJWK(privateKey)), kid });
}

export function publicHalf(key: PrivateKey): PublicKey {
  return publicKeySchema.parse(key);
}

/** 32 bytes base64, for AES-256-GCM. */
export function makeSealingKey(): string {
  return randomBytes(32).toString('base64');
}

/** 256 random bits, typeable. */
export function makeAdminToken(): string {
  return randomBytes(32).toString('base64url');
}
