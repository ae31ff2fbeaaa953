/**
 * For any zone of strangers at Namecheap and any interleaving of our changes, their edits, faults of the vendor, lost and
 * late requests and crashes: no record of theirs is ever lost or altered by us, mail routing stays, no write leaves without a
 * snapshot and a ledger row before it, and nothing of ours is left once everything is cleaned up.
 *
 * Out of reach of any client, and so left out: an edit between the relay's last look and its write milliseconds later, an
 * edit while a write is travelling to the vendor, a vendor that tells the same lie twice, one false list that hides just what
 * a stranger has edited since the list that was read before, and a stranger who writes exactly our record while we do.
 *
 * More cases: `VITE_PROPERTY_RUNS=5000`; others: `VITE_PROPERTY_SEED=1`.
 */
import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import * as fc from 'fast-check';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { step, vendorMood, zone, type Foreign, type Step } from './dns-namecheap-arbitraries.ts';
import { DEFECTS } from './dns-namecheap-defects.ts';
import { Scene, type Defect } from './dns-namecheap-scene.ts';
import { USER } from './dns-namecheap.ts';

const RUNS = Number(import.meta.env['VITE_PROPERTY_RUNS'] ?? 1_000);
const SEED = Number(import.meta.env['VITE_PROPERTY_SEED'] ?? 20_261_121);
const TIMEOUT_MS = 20_000 + RUNS * 200;

const history = fc.array(step, { minLength: 4, maxLength: 24 });

async function play(
  state: DurableObjectState,
  foreign: Foreign,
  mood: typeof vendorMood extends fc.Arbitrary<infer T> ? T : never,
  steps: readonly Step[],
  defect?: Defect,
) {
  await state.storage.deleteAlarm();
  await state.storage.deleteAll();
  const scene = new Scene(state, env, foreign, mood, defect);
  for (const one of [...(defect?.opening ?? []), ...steps]) await scene.run(one);
  await scene.comeToRest();
  return scene;
}

async function onStorage(work: (state: DurableObjectState) => Promise<void>): Promise<void> {
  await runInDurableObject(env.ZONES.getByName(`namecheap:${USER}/${crypto.randomUUID()}`), async (_object, state) => {
    await work(state);
    await state.storage.deleteAlarm();
    await state.storage.deleteAll();
  });
}

beforeEach(() => {
  // Failures that the faults cause are logged.
  vi.spyOn(console, 'warn').mockReturnValue();
});

describe('a zone at Namecheap, shared with strangers', () => {
  it('loses nothing of theirs and keeps nothing of ours, whatever happens in between', { timeout: TIMEOUT_MS }, async () => {
    let writes = 0;
    await onStorage(async (state) => {
      await fc.assert(
        fc.asyncProperty(zone, vendorMood, history, async (foreign, mood, steps) => {
          const scene = await play(state, foreign, mood, steps);
          writes += scene.account.emulator.requests.counts()['domains.dns.setHosts'] ?? 0;
          expect(scene.violations).toEqual([]);
        }),
        { numRuns: RUNS, seed: SEED },
      );
    });
    // The property says something only where zones are written to.
    expect(writes).toBeGreaterThan(RUNS);
  });
});

describe('the property', () => {
  it.each(Object.entries(DEFECTS))('finds %s', { timeout: TIMEOUT_MS }, async (_, defect) => {
    await onStorage(async (state) => {
      const result = await fc.check(
        fc.asyncProperty(zone, vendorMood, history, async (foreign, mood, steps) => (await play(state, foreign, mood, steps, defect)).violations.length === 0),
        { numRuns: RUNS, seed: SEED, endOnFailure: true },
      );
      expect(result.failed).toBe(true);
    });
  });
});
