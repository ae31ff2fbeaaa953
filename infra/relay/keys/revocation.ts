/**
 * A revocation signed with the certificate's own key (RFC 8555 §7.6): the key stays here, the edge gets a JWS that is good
 * for one thing. Whoever takes the edge can revoke the certificates of keys that are kept here, and sign nothing else.
 */
import { createPrivateKey, createPublicKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { exportJWK, FlattenedSign } from 'jose';
import { PerennialError } from '../../../shared/errors.ts';
import type { SignRevocationRequest, SignRevocationResponse } from '../../../shared/relay/contract.ts';
import { readChain } from '../../../shared/x509/chain.ts';
import type { KeyArea } from './key-area.ts';

export class RevocationSigner {
  readonly #keys: Pick<KeyArea, 'take'>;

  constructor(keys: Pick<KeyArea, 'take'>) {
    this.#keys = keys;
  }

  /**
   * Throws `key_missing` when the key of `issuance` is not here, `revocation_not_this_key` when the leaf of the chain is of
   * another key, `chain_malformed`, `nomad_*`. Safe to repeat: a nonce is used once, the signature changes nothing.
   */
  async sign(issuance: string, { chain, reason, url, nonce }: SignRevocationRequest, signal: AbortSignal): Promise<SignRevocationResponse> {
    const { leaf, certificates } = await readChain(chain);
    const kept = await this.#keys.take(issuance, signal);
    if (kept === null) {
      throw new PerennialError('key_missing', "The key of this issuance is not in the relay's key area.", {
        hint: 'Revoke with the account that ordered the certificate.',
      });
    }
    if (kept.spki !== leaf.spki) throw new PerennialError('revocation_not_this_key', 'The certificate is of another key than the one of this issuance.');
    const key = createPrivateKey(kept.key);
    const certificate = Buffer.from(certificates[0]?.rawData ?? new ArrayBuffer(0)).toString('base64url');
    // The public half alone: exporting the private key would give a JWK with all of it.
    const jwk = await exportJWK(createPublicKey(key));
    const jws = await new FlattenedSign(new TextEncoder().encode(JSON.stringify({ certificate, reason })))
      .setProtectedHeader({ alg: algorithmOf(key), jwk, nonce, url })
      .sign(key);
    return { jws: JSON.stringify({ protected: jws.protected, payload: jws.payload, signature: jws.signature }) };
  }
}

/** RFC 7518 §3.1; what the CAs take (RFC 8555 §6.2 leaves out MAC-based ones and `none`). */
function algorithmOf(key: KeyObject): 'ES256' | 'ES384' | 'RS256' {
  if (key.asymmetricKeyType === 'rsa') return 'RS256';
  return key.asymmetricKeyDetails?.namedCurve === 'secp384r1' ? 'ES384' : 'ES256';
}
