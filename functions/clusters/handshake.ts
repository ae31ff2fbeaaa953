/** The opening of the link as pure decisions: is this hello acceptable, and what is the welcome (DESIGN §7). */
import { PerennialError } from '../../shared/errors.ts';
import { type Claims, type PrivateKey, type PublicKey, randomNonce, signMessage, verifyMessage } from '../../shared/link/signatures.ts';
import { CONTRACT } from '../../shared/relay/contract.ts';
import type { Connection, OpenConnection } from './connection.ts';

export interface Accepted {
  connection: OpenConnection;
  /** Signed welcome for the relay. */
  token: string;
}

/**
 * Checks a hello against the challenge and the cluster's keys. Throws `signature_invalid`, `relay_challenge_mismatch`,
 * `relay_too_old`, `relay_too_new`.
 */
export async function acceptHello(
  opening: Extract<Connection, { phase: 'opening' }>,
  token: string,
  keys: readonly PublicKey[],
  edgeKey: PrivateKey,
  now: number,
): Promise<Accepted> {
  const claims = await verifyMessage('hello', token, keys, opening.origin);
  if (claims.challenge !== opening.challenge || claims.cluster !== opening.cluster) {
    throw new PerennialError('relay_challenge_mismatch', 'The hello answers another challenge or speaks for another cluster.');
  }
  checkContract(claims);
  const key = signer(token, keys);
  const connection: OpenConnection = {
    phase: 'open',
    cluster: opening.cluster,
    origin: opening.origin,
    allocation: claims.allocation,
    key,
    connection: randomNonce(),
    sequence: 0,
    eventSequence: 0,
    contract: claims.contract,
    bundle: claims.bundle,
    skewMs: claims.time - now,
    since: now,
  };
  const welcome = await signMessage(
    'welcome',
    { aud: `${opening.cluster}/${claims.allocation}`, challenge: claims.nonce, connection: connection.connection, contract: claims.contract, time: now },
    edgeKey,
  );
  return { connection, token: welcome };
}

function checkContract(claims: Claims<'hello'>): void {
  if (claims.contract < CONTRACT.previous) {
    throw new PerennialError(
      'relay_too_old',
      `The relay speaks contract version ${claims.contract}; this edge speaks ${CONTRACT.previous} and ${CONTRACT.current}.`,
      {
        hint: 'Run the relay job again with the bundle that this edge serves: `nomad job run relay.nomad.hcl` with the checksum shown on the status page.',
      },
    );
  }
  if (claims.contract > CONTRACT.current) {
    throw new PerennialError('relay_too_new', `The relay speaks contract version ${claims.contract}; this edge speaks up to ${CONTRACT.current}.`, {
      hint: 'Deploy the Worker first, then the relay: `npm run deploy`.',
    });
  }
}

/** The key whose `kid` the (already verified) token carries. */
function signer(token: string, keys: readonly PublicKey[]): PublicKey {
  const header: unknown = JSON.parse(atob((token.split('.')[0] ?? '').replaceAll('-', '+').replaceAll('_', '/')));
  const kid = typeof header === 'object' && header !== null && 'kid' in header ? header.kid : undefined;
  const key = keys.find((candidate) => candidate.kid === kid);
  if (key === undefined) throw new PerennialError('signature_invalid', 'The hello is signed with an unknown key.');
  return key;
}
