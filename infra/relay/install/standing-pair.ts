/** What a delivered variable holds, and the one decision about it: write, leave, or call it drift. Pure, but for hashing. */
import { createHash } from 'node:crypto';
import { readChain } from '../../../shared/x509/chain.ts';
import type { Chain } from '../../../shared/x509/chain.ts';
import type { Target } from '../../../shared/relay/contract.ts';
import { spkiOfKey } from '../keys/key-area.ts';
import type { Items } from '../nomad/variables.ts';

export interface StandingPair {
  certificate: string;
  key: string;
  /** Of the leaf; of the text when it is no certificate, so that anything unreadable still has an identity. */
  sha256: string;
  chain: Chain | null;
  fits: boolean;
}

/** The pair in a variable, or null when neither item is there. */
export async function standingPair(items: Items, target: Target): Promise<StandingPair | null> {
  const certificate = items[target.certificateItem] ?? '';
  const key = items[target.keyItem] ?? '';
  if (certificate.trim() === '' && key.trim() === '') return null;
  const chain = await readChain(certificate).catch(() => null);
  const fits = chain !== null && (await spkiOfKey(key)) === chain.leaf.spki;
  const sha256 = chain?.leaf.sha256 ?? createHash('sha256').update(certificate).digest('hex');
  return { certificate, key, sha256, chain, fits };
}

export type Decision = 'write' | 'leave' | 'drift';

/**
 * @param standing what is there now; @param wanted fingerprint and chain to be installed
 * @param mayReplace fingerprints that may be replaced unasked, or `all`
 */
export function decide(standing: StandingPair | null, wanted: { sha256: string; pem: string }, mayReplace: readonly string[] | 'all'): Decision {
  if (standing === null) return 'write';
  if (standing.sha256 === wanted.sha256) {
    // Our own leaf with another key or intermediate: somebody damaged it, and only writing heals it.
    return standing.fits && standing.chain?.pem === wanted.pem ? 'leave' : 'write';
  }
  return mayReplace === 'all' || mayReplace.includes(standing.sha256) ? 'write' : 'drift';
}
