/** Revocation signed elsewhere, with the certificate's own key (RFC 8555 §7.6): the JWS is posted as it comes. */
import { z } from 'zod';
import { PerennialError } from '../../shared/errors.ts';
import { shortType } from './failure-classes.ts';
import { AcmeProblem } from './problem.ts';
import { BAD_NONCE_RETRIES, isBadNonce } from './signed-client.ts';
import { parseJson, type Reply, type Transport } from './transport.ts';

/** Makes a flattened JWS for this URL and nonce. */
export type Sign = (target: { url: string; nonce: string }) => Promise<string>;

const part = z.string().regex(/^[A-Za-z0-9_-]+$/);
/** RFC 7515 §7.2.2, with nothing else in it. */
const flattened = z.strictObject({ protected: part.max(16_384), payload: part.max(65_536), signature: part.max(4_096) });

/** A nonce that was refused is replaced by a fresh one, as often as for our own signatures. */
export async function postSigned(transport: Transport, newNonceUrl: string, url: string, sign: Sign): Promise<Reply> {
  for (let refused = 0; ; refused += 1) {
    const body = await sign({ url, nonce: await transport.takeNonce(newNonceUrl) });
    if (!flattened.safeParse(parseJson(body)).success)
      throw new PerennialError('acme_revocation_unsigned', 'What was signed for the revocation is not a flattened JWS.', { retryable: true });
    try {
      return await transport.send('revocation', {
        method: 'POST',
        url,
        headers: { 'content-type': 'application/jose+json', accept: 'application/json' },
        body,
      });
    } catch (error) {
      if (!isBadNonce(error) || refused >= BAD_NONCE_RETRIES) throw error;
    }
  }
}

/** Whoever was first, the certificate is revoked. */
export function isRevokedAlready(error: unknown): boolean {
  return error instanceof AcmeProblem && shortType(error.type) === 'alreadyRevoked';
}
