/**
 * The real reading of chains, remembered for one simulation: the same PEM is read dozens of times, and parsing is slow.
 * Not for longer: what is remembered takes fewer turns, and a seed must not depend on the seed before it.
 */
import * as real from '../../../shared/x509/chain.ts';
import { perSimulation } from './virtual.ts';

export * from '../../../shared/x509/chain.ts';

const chains = perSimulation(() => new Map<string, Promise<real.Chain>>());

export function readChain(pem: string): Promise<real.Chain> {
  const known = chains();
  const before = known.get(pem);
  if (before !== undefined) return before;
  const reading = real.readChain(pem);
  known.set(pem, reading);
  return reading;
}
