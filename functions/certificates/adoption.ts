/**
 * Which pair of a cluster is healthy enough to be adopted (DESIGN §4): its chain is sound, and nobody who dials is turned
 * away by it. What nobody serves at present is given the benefit of the doubt, until it is dialled for the first time.
 */
import { checkChain, type Chain } from '../../shared/x509/chain.ts';
import { toPerennialError } from '../../shared/errors.ts';
import type { CertificateState, DeliveryState } from './state.ts';

type Instances = DeliveryState['instances'];

/** What is wrong with the chain itself, one sentence; null when it is sound. @param now Unix ms. */
export async function unsound(chain: Chain, now: number): Promise<string | null> {
  const { leaf } = chain;
  return await checkChain(chain, { names: leaf.names, spki: leaf.spki, now }).then(
    () => null,
    (thrown: unknown) => toPerennialError(thrown).message,
  );
}

/** What whoever dials meets where exactly this leaf is served with a chain that leads to no root which the relay trusts, say; else null. */
export function distrusted(instances: Instances, sha256: string): string | null {
  const odd = instances.find((instance) => instance.verdict === 'foreign' && instance.sha256 === sha256);
  return odd === undefined ? null : `${odd.address}:${odd.port} serves it. ${odd.detail}`;
}

/** Like {@link distrusted}, where nobody is served it any better: one good instance shows that the pair is not to blame. */
export function servedInVain(instances: Instances, sha256: string): string | null {
  return instances.some(({ verdict }) => verdict === 'new') ? null : distrusted(instances, sha256);
}

/** Whether the live certificate was adopted and no delivery has ever been seen to serve it, this one included. */
export function unproven({ live, issuance, deliveries }: CertificateState, delivery: DeliveryState): boolean {
  if (live === null || !live.adopted || issuance !== null || delivery.verifyingSince !== live.since) return false;
  return deliveries.every(({ step }) => step === 'verify');
}
