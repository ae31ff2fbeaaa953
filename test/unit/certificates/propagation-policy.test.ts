/** How long publishing may take, by kind of vendor. */
import { describe, expect, it } from 'vitest';
import { nextLook, policyOf } from '../../../functions/certificates/propagation-policy.ts';
import { MINUTE, SECOND } from '../../../shared/clock.ts';
import { NOW } from './states.ts';

const cloudflare = policyOf([{ provider: 'cloudflare' }]);
const namecheap = policyOf([{ provider: 'namecheap' }]);

describe('the time a vendor has', () => {
  it('is that of the slowest among several, and of Cloudflare in what an older release has placed', () => {
    expect(policyOf([{ provider: 'cloudflare' }, { provider: 'namecheap' }])).toBe(namecheap);
    expect(policyOf([{}])).toBe(cloudflare);
    expect(policyOf([])).toBe(cloudflare);
  });

  it('is minutes at Cloudflare, which is looked at quickly and then ever less often', () => {
    const waits = Array.from({ length: 12 }, (_, looks) => nextLook(NOW, looks, cloudflare) - NOW);
    expect(cloudflare).toMatchObject({ firstLookMs: 0, timeoutMs: 10 * MINUTE });
    expect(waits.slice(0, 3)).toEqual([200, 300, 500]);
    expect(waits).toEqual(waits.toSorted((a, b) => a - b));
    expect(waits.at(-1)).toBe(30 * SECOND);
  });

  it('is an hour at Namecheap, which is first looked at after ten seconds and then every fifteen', () => {
    expect(namecheap).toMatchObject({ firstLookMs: 10 * SECOND, timeoutMs: 60 * MINUTE });
    expect([0, 1, 200].map((looks) => nextLook(NOW, looks, namecheap) - NOW)).toEqual([15 * SECOND, 15 * SECOND, 15 * SECOND]);
  });

  it('leaves time between concern and failure', () => {
    for (const policy of [cloudflare, namecheap]) expect(policy.concernMs).toBeLessThan(policy.timeoutMs);
  });
});
