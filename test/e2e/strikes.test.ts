/**
 * A few strikes of `npm run test:faults`, chosen by a seed: killed at exact points of a renewal, everything comes right
 * by itself. `STRIKES_SEED` chooses others. Whoever is killed while newOrder, a challenge or finalize is under way waits a
 * minute for certainty; those are left to the whole run and to faults.test.ts.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Laboratory } from '../faults/laboratory.ts';
import { planStrikes } from '../faults/plan.ts';
import { nameOf, pointsOf, type Point } from '../faults/points.ts';
import { rehearse, strike } from '../faults/strike.ts';
import type { Victim } from '../faults/victims.ts';

const SEED = Number(process.env['STRIKES_SEED'] ?? 5);
const CERTIFICATES = 3;
/** At each of them a Worker that was killed waits until the call of its predecessor is over for certain. */
const WAITED_FOR: readonly string[] = ['newOrder', 'challenge', 'finalize'];
const SAMPLE: readonly (readonly [victim: Victim, strikes: number])[] = [
  ['workerd', 1],
  ['relay', 1],
  ['both', 1],
  ['link', 1],
];

let laboratory: Laboratory;
let points: Point[];

beforeAll(async () => {
  laboratory = await Laboratory.start({ certificates: CERTIFICATES });
  points = pointsOf(await rehearse(laboratory), CERTIFICATES).filter(
    ({ label, nth, part }) => nth !== null && part !== 'cloudflare' && !WAITED_FOR.includes(label),
  );
}, 120_000);

afterAll(async () => laboratory?.stop());

it('a rehearsal finds every outside call of a renewal', () => {
  const names = new Set(points.map(nameOf));
  for (const name of [
    'ca order #1 after',
    'ca certificate #1 before',
    'link POST /v1/keys #1 after',
    'link PUT /v1/certificates/:name #1 before',
    'nomad PUT /v1/var/certificates/:name #1 after',
    'resolver TXT query #1 before',
  ])
    expect(names).toContain(name);
});

for (const [victim, strikes] of SAMPLE) {
  it(`${victim}, struck ${strikes === 1 ? 'once' : `${strikes} times`} (seed ${SEED}): live and served, one finalized order each, nothing left behind`, async () => {
    for (const planned of planStrikes(points, { seed: SEED, rounds: 1, victims: [victim], only: [], sample: strikes })) {
      // One at a time: each is judged when everything is at rest.
      // oxlint-disable-next-line no-await-in-loop
      const outcome = await strike(laboratory, victim, planned.point, { sweep: false });
      const what = `${victim}: ${nameOf(planned.point)}`;
      expect(outcome.struck, what).toBeGreaterThan(0);
      expect(outcome.violations, what).toEqual([]);
      expect(outcome.converged, what).toBe(CERTIFICATES);
    }
  });
}
