/**
 * For any foreign records and any interleaving of publishing, cleaning up, foreign edits, faults and crashes: no foreign
 * record is ever lost or changed, and after clean-up nothing of ours remains.
 */
import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import * as fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { DAY, MINUTE, SECOND } from '../../shared/clock.ts';
import { Account, type WriteFault } from './dns-cloudflare.ts';
import type { ZoneObject } from '../../functions/dns/zone-object.ts';

const NAMES = ['_acme-challenge.example.net', '_acme-challenge.www.example.net'];
const VALUES = ['red', 'green', 'blue'];
const OWNERS = ['one', 'two', 'three'];

const record = fc.record({ name: fc.constantFrom(...NAMES), value: fc.constantFrom(...VALUES) });
const change = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('present' as const),
      owner: fc.constantFrom(...OWNERS),
      records: fc.uniqueArray(record, { minLength: 1, maxLength: 3, selector: ({ name, value }) => `${name} ${value}` }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('cleanUp' as const), owner: fc.constantFrom(...OWNERS) }) },
);
type Change = typeof change extends fc.Arbitrary<infer T> ? T : never;
const fault = fc.constantFrom<WriteFault>('unsent', 'reply-lost', 'dies-before', 'dies-after', 'dies-travelling');
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('changes' as const), changes: fc.array(change, { minLength: 1, maxLength: 3 }), fault: fc.option(fault) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('foreign-add' as const), record }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('foreign-remove' as const), index: fc.nat(5) }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'janitor' as const }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('wait' as const), milliseconds: fc.constantFrom(10 * SECOND, 30 * SECOND, MINUTE, DAY, 4 * DAY) }) },
);

/** The account, the object in its present life, and the records that are somebody else's. */
class Scene {
  readonly account: Account;
  readonly foreign = new Map<string, string>();
  readonly #live: () => ZoneObject;
  #zone: ZoneObject;
  #operations = 0;

  constructor(account: Account, live: () => ZoneObject) {
    this.account = account;
    this.#live = live;
    this.#zone = live();
    for (const { id, ...rest } of account.records()) this.foreign.set(id, JSON.stringify(rest));
  }

  /** Runs changes side by side; when one makes the object die, the others die with it. */
  async change(changes: readonly Change[], writeFault: WriteFault | null): Promise<void> {
    this.account.fault = writeFault;
    let dead = false;
    const all = Promise.all(changes.map((one) => this.#request(one)));
    await Promise.race([
      all,
      this.account.died.then(() => {
        dead = true;
      }),
    ]);
    this.account.fault = null;
    if (!dead) return;
    this.account.revive();
    this.#zone = this.#live();
  }

  async #request(one: Change): Promise<boolean> {
    this.#operations += 1;
    const operation = `operation-${this.#operations}`;
    const outcome =
      one.kind === 'present'
        ? await this.#zone.present(this.account.present(one.owner, operation, ...one.records))
        : await this.#zone.cleanUp({ owner: one.owner, operation });
    return outcome.ok;
  }

  addForeign({ name, value }: { name: string; value: string }): void {
    if (this.account.records().some((known) => known.name === name && known.content.replaceAll('"', '') === value)) return;
    const [added] = this.account.zone.store.apply([{ kind: 'post', body: { type: 'TXT', name, content: `"${value}"`, ttl: 300, comment: 'by hand' } }]);
    const listed = this.account.records().find(({ id }) => id === added?.id);
    if (listed === undefined) throw new Error('The emulator did not store the record.');
    const { id, ...rest } = listed;
    this.foreign.set(id, JSON.stringify(rest));
  }

  removeForeign(index: number): void {
    const id = [...this.foreign.keys()][index];
    if (id === undefined) return;
    this.foreign.delete(id);
    this.account.zone.store.apply([{ kind: 'delete', id }]);
  }

  janitor(): Promise<void> {
    return this.#zone.alarm();
  }

  expectForeignUntouched(): void {
    const now = new Map(this.account.records().map(({ id, ...rest }) => [id, JSON.stringify(rest)]));
    for (const [id, stored] of this.foreign) expect(now.get(id)).toBe(stored);
  }

  expectOnlyForeign(): void {
    this.expectForeignUntouched();
    expect(
      this.account
        .records()
        .map(({ id }) => id)
        .filter((id) => !this.foreign.has(id)),
    ).toEqual([]);
  }
}

describe('a zone shared with strangers', () => {
  it('loses nothing of theirs and keeps nothing of ours, whatever happens in between', { timeout: 120_000 }, async () => {
    // The janitor logs every failure that the faults cause.
    vi.spyOn(console, 'warn').mockReturnValue();
    await runInDurableObject(env.ZONES.getByName('cloudflare:property'), async (_object, state) => {
      await fc.assert(
        fc.asyncProperty(
          fc.uniqueArray(record, { maxLength: 4, selector: ({ name, value }) => `${name} ${value}` }),
          fc.array(step, { minLength: 3, maxLength: 14 }),
          fc.boolean(),
          async (strangers, steps, patient) => {
            await state.storage.deleteAll();
            const account = new Account(strangers.map(({ name, value }) => ({ type: 'TXT', name, content: value, ttl: 300, comment: null })));
            const scene = new Scene(account, () => account.open(state, env));
            for (const one of steps) {
              if (one.kind === 'changes') await scene.change(one.changes, one.fault);
              else if (one.kind === 'foreign-add') scene.addForeign(one.record);
              else if (one.kind === 'foreign-remove') scene.removeForeign(one.index);
              else if (one.kind === 'janitor') await scene.janitor();
              else await account.pass(one.milliseconds);
              scene.expectForeignUntouched();
            }
            // Whatever was in doubt is over; then either the owners clean up, or only the janitor is left to.
            await account.pass(patient ? 4 * DAY : 2 * MINUTE);
            if (!patient) for (const owner of OWNERS) await scene.change([{ kind: 'cleanUp', owner }], null);
            await scene.janitor();
            scene.expectOnlyForeign();
          },
        ),
        { numRuns: 100, seed: 20_261_121 },
      );
      await state.storage.deleteAll();
    });
  });
});
