/** Due → issued: apex and wildcard through the link, existing account, Pebble without sleeps (DESIGN §13). */
import type { Bench, Variant, Scenario } from '../bench.ts';
import type { Figure } from '../figure.ts';
import type { MeasuredRenewal } from '../renewal.ts';

const BUDGET = { of: 'p50', most: 500 } as const;
const NOTE =
  'Phases order to download as the Worker recorded them. Pebble with PEBBLE_VA_NOSLEEP=1, no authorization is reused, name servers show changes at once.';

export const issue: Scenario = {
  name: 'issue',
  about: 'due to issued: two authorizations, existing account, Pebble without sleeps',
  run: async (bench) => [
    ...(await figures(bench, 'never-refused', 'no nonce refused')),
    ...(await figures(bench, 'refused-sometimes', '5 % of nonces refused')),
  ],
};

async function figures(bench: Bench, variant: Variant, words: string): Promise<Figure[]> {
  const renewals = await bench.renewals(variant);
  return [
    { what: `due to issued, ${words}`, unit: 'ms', samples: renewals.map(({ issuedMs }) => issuedMs), budget: BUDGET, note: NOTE },
    ...(variant === 'never-refused' ? phases(renewals) : []),
  ];
}

/** Where the time goes, and how long the request for a renewal takes to become one. */
function phases(renewals: readonly MeasuredRenewal[]): Figure[] {
  const names = [...new Set(renewals.flatMap((renewal) => renewal.phases.map(({ name }) => name)))];
  return [
    { what: '  asked to begun', unit: 'ms', samples: renewals.map(({ askedMs }) => askedMs), budget: null },
    ...names.map((phase): Figure => {
      const samples = renewals.map((renewal) => renewal.phases.filter(({ name }) => name === phase).reduce((sum, { ms }) => sum + ms, 0));
      return { what: `  phase ${phase}`, unit: 'ms', samples, budget: null };
    }),
  ];
}
