/** Pebble's own switches: several certificates are issued through the whole system under each of them. */
import { describe, expect, it } from 'vitest';
import { Laboratory } from './laboratory.ts';
import { strike, rehearse } from './strike.ts';

const CERTIFICATES = 4;

async function inLaboratory(
  pebble: Readonly<Record<string, string>>,
  work: (laboratory: Laboratory) => Promise<void>,
  toml?: (text: string) => string,
): Promise<void> {
  const laboratory = await Laboratory.start({ certificates: CERTIFICATES, pebble, ...(toml === undefined ? {} : { toml }) });
  try {
    await work(laboratory);
  } finally {
    await laboratory.stop();
  }
}

function countOf(seen: Awaited<ReturnType<typeof rehearse>>, label: string): number {
  return seen.filter((call) => call.label === label).reduce((sum, { renewals }) => sum + renewals, 0);
}

const BATCH = 'POST /zones/:id/dns_records/batch (posts)';

describe('Pebble that', () => {
  it.each([
    ['0', 'refuses no nonce'],
    ['50', 'refuses every second nonce'],
  ])('(PEBBLE_WFE_NONCEREJECT=%s) %s: renews all, with one order each', async (percent) => {
    await inLaboratory({ PEBBLE_WFE_NONCEREJECT: percent }, async (laboratory) => {
      // Throws when anything is not as it should be.
      const seen = await rehearse(laboratory);
      for (const name of laboratory.certificates) expect(laboratory.switchboard.orders.of(name)).toMatchObject({ orders: 1, finalized: 1 });
      const requests = countOf(seen, 'newOrder');
      if (percent === '0') expect(requests).toBe(CERTIFICATES);
      else expect(requests).toBeGreaterThanOrEqual(CERTIFICATES);
    });
  });

  it('(PEBBLE_VA_SLEEPTIME=5) takes its time to validate: is waited for, and asked no more often than it says', async () => {
    await inLaboratory({ PEBBLE_VA_NOSLEEP: '0', PEBBLE_VA_SLEEPTIME: '5' }, async (laboratory) => {
      const seen = await rehearse(laboratory);
      expect(countOf(seen, 'order') / CERTIFICATES).toBeLessThan(15);
    });
  });

  it('(PEBBLE_AUTHZREUSE=0) wants every name proven anew: each renewal writes into DNS', async () => {
    await inLaboratory({ PEBBLE_AUTHZREUSE: '0' }, async (laboratory) => {
      expect(countOf(await rehearse(laboratory), BATCH)).toBe(CERTIFICATES);
    });
  });

  it('(PEBBLE_AUTHZREUSE=100) lets what was proven stand, and authorizations are kept: a renewal writes nothing into DNS', async () => {
    await inLaboratory(
      { PEBBLE_AUTHZREUSE: '100' },
      async (laboratory) => {
        const seen = await rehearse(laboratory);
        expect(seen.filter(({ part, label }) => part === 'cloudflare' && !label.startsWith('GET '))).toEqual([]);
        expect(countOf(seen, 'challenge')).toBe(0);
        // A kill in the middle changes nothing about it.
        const outcome = await strike(laboratory, 'workerd', { part: 'ca', label: 'certificate', nth: 1, side: 'after' }, { sweep: false });
        expect(outcome).toMatchObject({ struck: CERTIFICATES, converged: CERTIFICATES, violations: [] });
      },
      keepAuthorizations,
    );
  });
});

/** As a person writes it into the block of the CA. */
function keepAuthorizations(text: string): string {
  return text.replace('[ca.demo]', '[ca.demo]\ndeactivate_authorizations = false');
}
