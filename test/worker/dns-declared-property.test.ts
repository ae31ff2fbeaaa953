/**
 * Whatever is declared, and whatever strangers, faults and crashes do in between: no record of somebody else is changed or
 * removed unless its very name and type are declared with `adopt`; and what is declared in peace comes to stand there.
 */
import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HOUR, MINUTE } from '../../shared/clock.ts';
import type { RecordType } from '../../functions/dns/provider.ts';
import { Account, type WriteFault } from './dns-cloudflare.ts';
import { byHand, DeclaredZone, record } from './dns-declared-zone.ts';

const NAMES = ['a.example.net', '*.example.net'];
const VALUES: Readonly<Record<'A' | 'CNAME' | 'TXT', string[]>> = {
  A: ['192.0.2.1', '192.0.2.2', '192.0.2.3'],
  CNAME: ['one.example', 'two.example'],
  TXT: ['red', 'green'],
};
type Type = keyof typeof VALUES;

const spot = fc
  .constantFrom<Type>('A', 'CNAME', 'TXT')
  .chain((type) => fc.record({ type: fc.constant(type), name: fc.constantFrom(...NAMES), value: fc.constantFrom(...VALUES[type]) }));
const ttl = fc.constantFrom(60, 300);
const adopted = fc.subarray(['A', 'CNAME', 'TXT'].flatMap((type) => NAMES.map((name) => `${type} ${name}`)));
const declaration = fc.record({
  records: fc.uniqueArray(fc.record({ spot, ttl }), {
    maxLength: 6, // A name has one CNAME at most: the configuration refuses more.
    selector: ({ spot: { type, name, value } }) => (type === 'CNAME' ? `${type} ${name}` : `${type} ${name} ${value}`),
  }),
  held: fc.option(spot),
});
const fault = fc.constantFrom<WriteFault>('unsent', 'reply-lost', 'dies-before', 'dies-after', 'dies-travelling');
const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('declare' as const), declaration }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('check' as const), fault: fc.option(fault, { freq: 3 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('stranger-adds' as const), spot, ttl }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('somebody-changes' as const), index: fc.nat(8), spot, ttl }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('somebody-removes' as const), index: fc.nat(8) }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'clean' as const }) },
);

class Scene {
  readonly account = new Account();
  readonly #live: (account: Account) => DeclaredZone;
  readonly #adopted: ReadonlySet<string>;
  /** Records by id that somebody else wrote, as they left them. */
  readonly #foreign = new Map<string, string>();
  #zone: DeclaredZone;
  #generation = 0;

  constructor(live: (account: Account) => DeclaredZone, adopting: readonly string[]) {
    this.#live = live;
    this.#zone = live(this.account);
    this.#adopted = new Set(adopting);
  }

  declare({
    records,
    held,
  }: {
    records: readonly { spot: { type: RecordType; name: string; value: string }; ttl: number }[];
    held: { type: RecordType; name: string } | null;
  }): void {
    const adopt = (type: string, name: string) => ({ adopt: this.#adopted.has(`${type} ${name}`) });
    // Every new life counts on from here.
    this.#generation += 1;
    this.#zone.declare(
      records.map((one) => record(one.spot.type, one.spot.name, one.spot.value, { ttl: one.ttl, ...adopt(one.spot.type, one.spot.name) })),
      held === null ? [] : [{ type: held.type, name: held.name, why: 'unknown' }],
      this.#generation,
    );
  }

  /** A comparison whose plan somebody approves at once; the object may die in its write. */
  async check(writeFault: WriteFault | null): Promise<void> {
    this.account.fault = writeFault;
    let dead = false;
    await Promise.race([
      this.#zone.apply().catch(() => null),
      this.account.died.then(() => {
        dead = true;
      }),
    ]);
    this.account.fault = null;
    this.account.revive();
    if (dead) this.#zone = this.#live(this.account);
    await this.account.pass(2 * MINUTE);
  }

  clean(): Promise<void> {
    return this.#zone.clean().catch(() => undefined);
  }

  add(type: Type, name: string, value: string, seconds: number): void {
    attempt(() => {
      const id = byHand(this.account, { type, name, content: type === 'TXT' ? `"${value}"` : value, ttl: seconds });
      this.#foreign.set(id, this.#text(id));
    });
  }

  /** Of a stranger's record the change is theirs; ours stays ours, whatever they make of it. */
  change(index: number, value: string, seconds: number): void {
    const chosen = this.account.zone.store.all()[index];
    if (chosen === undefined) return;
    const fits = Object.entries(VALUES).some(([type, values]) => type === chosen.type && values.includes(value));
    const content = chosen.type === 'TXT' ? `"${value}"` : value;
    attempt(() => {
      this.account.zone.store.apply([{ kind: 'patch', id: chosen.id, body: { ttl: seconds, ...(fits ? { content } : {}) } }]);
      if (this.#foreign.has(chosen.id)) this.#foreign.set(chosen.id, this.#text(chosen.id));
    });
  }

  remove(index: number): void {
    const chosen = this.account.zone.store.all()[index];
    if (chosen === undefined) return;
    this.#foreign.delete(chosen.id);
    this.account.zone.store.apply([{ kind: 'delete', id: chosen.id }]);
  }

  expectForeignUntouched(): void {
    const now = new Set(this.account.zone.store.all().map(({ id }) => id));
    for (const [id, before] of this.#foreign) {
      const [type = '', name = ''] = before.split(' ');
      if (this.#adopted.has(`${type} ${name}`)) continue;
      expect(now.has(id) ? this.#text(id) : `${before} is gone`).toBe(before);
    }
  }

  /** Whatever is declared in peace: no conflict is left but those that were reported. */
  async expectSettled(): Promise<void> {
    for (let round = 0; round < 3; round += 1) {
      await this.account.pass(HOUR);
      await this.check(null);
      await this.clean();
    }
    const plan = await this.#zone.plan();
    expect((plan?.records ?? []).filter(({ action }) => action !== 'keep' && action !== 'held' && action !== 'conflict')).toEqual([]);
  }

  #text(id: string): string {
    const { type, name, content, ttl: seconds, comment } = this.account.zone.store.get(id);
    return [type, name, content, seconds, comment].join(' ');
  }
}

/** The vendor refuses a stranger as well what cannot stand together. */
function attempt(work: () => void): void {
  try {
    work();
  } catch {
    // Nothing has changed.
  }
}

describe('declared records in a zone shared with strangers', () => {
  it('touch nothing of theirs that is not adopted, and come to stand there', { timeout: 120_000 }, async () => {
    await runInDurableObject(env.ZONES.getByName('cloudflare:declared-property'), async (_object, { storage }) => {
      await fc.assert(
        fc.asyncProperty(
          adopted,
          fc.array(fc.record({ spot, ttl }), { maxLength: 4 }),
          fc.array(step, { minLength: 3, maxLength: 14 }),
          async (adopting, strangers, steps) => {
            await storage.deleteAll();
            const scene = new Scene((account) => new DeclaredZone(storage, account), adopting);
            for (const { spot: one, ttl: seconds } of strangers) scene.add(one.type, one.name, one.value, seconds);
            for (const one of steps) {
              if (one.kind === 'declare') scene.declare(one.declaration);
              else if (one.kind === 'check') await scene.check(one.fault);
              else if (one.kind === 'stranger-adds') scene.add(one.spot.type, one.spot.name, one.spot.value, one.ttl);
              else if (one.kind === 'somebody-changes') scene.change(one.index, one.spot.value, one.ttl);
              else if (one.kind === 'somebody-removes') scene.remove(one.index);
              else await scene.clean();
              scene.expectForeignUntouched();
            }
            await scene.expectSettled();
            scene.expectForeignUntouched();
          },
        ),
        { numRuns: 150, seed: 20_261_121 },
      );
      await storage.deleteAll();
    });
  });
});
