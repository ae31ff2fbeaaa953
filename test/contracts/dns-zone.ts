/**
 * What a zone does for whoever publishes in it, whatever vendor holds it. Every vendor runs this suite through its
 * ZoneObject, inside workerd, with the vendor's emulator at the other end.
 */
import { describe, expect, it } from 'vitest';
import { DAY, MINUTE } from '../../shared/clock.ts';
import { unwrap, type Outcome } from '../../shared/errors.ts';
import type { OwnedRecord, PresentRequest, ZonePort } from '../../functions/dns/zone-requests.ts';

export interface Text {
  /** In full. */
  name: string;
  value: string;
}

/** A zone at its vendor, the object that writes to it, and everybody else who does. */
export interface ZoneStage {
  zone(): Pick<ZonePort, 'present' | 'cleanUp'> & { owned(): Promise<Outcome<OwnedRecord[]>> };
  request(owner: string, operation: string, ...records: Text[]): PresentRequest;
  now(): number;
  /** Time passes, ms; every alarm that comes due meanwhile runs. */
  pass(milliseconds: number): Promise<void>;
  /** The object's life ends; its successor finds the same storage. */
  restart(): void;
  /** TXT records as the vendor has them. */
  texts(): Text[];
  /** Everything else that the vendor has. */
  others(): unknown;
  /** Somebody else's doing, behind our back. */
  stranger: { add(...records: Text[]): void; remove(record: Text): void };
  /** Strangers add records until none fits at this name. */
  fill(name: string): void;
  /** From now on the vendor does (not) accept the credentials. */
  accept(credentials: boolean): void;
  /** The vendor answers the next request with "too many", and every one that comes within a minute. */
  limit(): void;
  /** Requests that reached the vendor. */
  requests(): number;
}

export type Play = (stage: ZoneStage) => Promise<void>;

/** When whatever was in flight has come to rest. */
const QUIET_MS = 30 * MINUTE;
const PATIENCE_MS = 20 * MINUTE;

/** Asks until the records are there, as a certificate does. */
async function publish(stage: ZoneStage, request: PresentRequest): Promise<Outcome<null>> {
  const giveUp = stage.now() + PATIENCE_MS;
  for (;;) {
    const outcome = await stage.zone().present(request);
    if (!outcome.ok) return outcome;
    const retryAt = outcome.value?.retryAt ?? null;
    if (retryAt === null) return { ok: true, value: null };
    if (retryAt > giveUp) throw new Error(`The records are not there within ${PATIENCE_MS} ms.`);
    await stage.pass(Math.max(retryAt - stage.now(), 100));
  }
}

async function published(stage: ZoneStage, owner: string, ...records: Text[]): Promise<void> {
  unwrap(await publish(stage, stage.request(owner, `publish-${owner}`, ...records)));
}

async function cleanedUp(stage: ZoneStage, ...owners: string[]): Promise<void> {
  for (const owner of owners) unwrap(await stage.zone().cleanUp({ owner, operation: `clean-up-${owner}` }));
  await stage.pass(QUIET_MS);
}

const sorted = (texts: readonly Text[]) => texts.map(({ name, value }) => `${name} ${value}`).toSorted();

/** @param open a zone of that name with records of strangers in it, and nothing of ours. */
export function describeZone(vendor: string, open: (zone: string, play: Play) => Promise<void>): void {
  describe.each(['example.net', 'example.co.uk', 'deep.down.example.org'])(`a zone at ${vendor}: %s`, (zone) => {
    const name = `_acme-challenge.${zone}`;
    const below = `_acme-challenge.www.${zone}`;

    it('publishes a record and takes it back, touching nothing else', async () => {
      await open(zone, async (stage) => {
        const [texts, others] = [sorted(stage.texts()), stage.others()];
        await published(stage, 'one', { name: below, value: 'a' });
        expect(sorted(stage.texts())).toEqual([...texts, `${below} a`].toSorted());
        expect(unwrap(await stage.zone().owned())).toMatchObject([{ owner: 'one', name: below, type: 'TXT', value: 'a', state: 'written', found: false }]);
        await cleanedUp(stage, 'one');
        expect(sorted(stage.texts())).toEqual(texts);
        expect(stage.others()).toEqual(others);
        expect(unwrap(await stage.zone().owned())).toEqual([]);
      });
    });

    it('holds two values at one name, for the apex and its wildcard, beside those of a stranger', async () => {
      await open(zone, async (stage) => {
        stage.stranger.add({ name, value: 'theirs' });
        const before = sorted(stage.texts());
        await published(stage, 'one', { name, value: 'apex' }, { name, value: 'wildcard' });
        expect(sorted(stage.texts())).toEqual([...before, `${name} apex`, `${name} wildcard`].toSorted());
        await cleanedUp(stage, 'one');
        expect(sorted(stage.texts())).toEqual(before);
      });
    });
  });

  describe(`a zone at ${vendor}`, () => {
    const zone = 'example.net';
    const name = `_acme-challenge.${zone}`;
    const ours = (stage: ZoneStage) =>
      stage
        .texts()
        .filter((text) => text.name === name)
        .map(({ value }) => value)
        .toSorted();

    it('does nothing for the same records again', async () => {
      await open(zone, async (stage) => {
        const request = stage.request('one', 'first', { name, value: 'a' });
        unwrap(await publish(stage, request));
        await stage.pass(QUIET_MS);
        const requests = stage.requests();
        unwrap(await publish(stage, request));
        await stage.pass(MINUTE);
        expect(stage.requests()).toBe(requests);
        unwrap(await publish(stage, { ...request, operation: 'second' }));
        expect(ours(stage)).toEqual(['a']);
      });
    });

    it('keeps a value that two owners want until the last of them cleans up', async () => {
      await open(zone, async (stage) => {
        await published(stage, 'one', { name, value: 'shared' });
        await published(stage, 'two', { name, value: 'shared' });
        expect(ours(stage)).toEqual(['shared']);
        await cleanedUp(stage, 'one');
        expect(ours(stage)).toEqual(['shared']);
        await cleanedUp(stage, 'two');
        expect(ours(stage)).toEqual([]);
      });
    });

    it("removes one owner's value of a name and leaves the other's", async () => {
      await open(zone, async (stage) => {
        await published(stage, 'one', { name, value: 'a' });
        await published(stage, 'two', { name, value: 'b' });
        await cleanedUp(stage, 'one');
        expect(ours(stage)).toEqual(['b']);
      });
    });

    it('takes the removal of what was never there, or is gone already, for done', async () => {
      await open(zone, async (stage) => {
        await cleanedUp(stage, 'nobody');
        await published(stage, 'one', { name, value: 'a' });
        stage.stranger.remove({ name, value: 'a' });
        await cleanedUp(stage, 'one');
        expect(ours(stage)).toEqual([]);
        expect(unwrap(await stage.zone().owned())).toEqual([]);
      });
    });

    it("uses a stranger's record with exactly our value, and leaves it there", async () => {
      await open(zone, async (stage) => {
        stage.stranger.add({ name, value: 'same' });
        await published(stage, 'one', { name, value: 'same' }, { name, value: 'ours' });
        expect(unwrap(await stage.zone().owned())).toEqual(
          expect.arrayContaining([expect.objectContaining({ value: 'same', found: true }), expect.objectContaining({ value: 'ours', found: false })]),
        );
        await cleanedUp(stage, 'one');
        expect(ours(stage)).toEqual(['same']);
      });
    });

    it('finds its own among more records than a page holds', async () => {
      await open(zone, async (stage) => {
        stage.stranger.add(...Array.from({ length: 110 }, (_, index) => ({ name, value: `theirs-${index}` })));
        stage.stranger.add({ name, value: 'last' });
        const before = ours(stage);
        await published(stage, 'one', { name, value: 'last' }, { name, value: 'ours' });
        expect(ours(stage)).toEqual([...before, 'ours'].toSorted());
        await cleanedUp(stage, 'one');
        expect(ours(stage)).toEqual(before);
      });
    });

    it("publishes twenty owners' records, and takes back those of half of them", async () => {
      await open(zone, async (stage) => {
        const owners = Array.from({ length: 20 }, (_, index) => `owner-${index}`);
        const outcomes = await Promise.all(owners.map((owner) => stage.zone().present(stage.request(owner, owner, { name, value: owner }))));
        expect(outcomes.every(({ ok }) => ok)).toBe(true);
        await stage.pass(QUIET_MS);
        for (const owner of owners) unwrap(await publish(stage, stage.request(owner, owner, { name, value: owner })));
        expect(ours(stage)).toEqual(owners.toSorted());
        await cleanedUp(stage, ...owners.slice(0, 10));
        expect(ours(stage)).toEqual(owners.slice(10).toSorted());
      });
    });

    it('goes on after its life ends between publishing and cleaning up', async () => {
      await open(zone, async (stage) => {
        const before = sorted(stage.texts());
        const request = stage.request('one', 'p', { name, value: 'a' });
        unwrap(await stage.zone().present(request));
        stage.restart();
        unwrap(await publish(stage, request));
        stage.restart();
        unwrap(await stage.zone().cleanUp({ owner: 'one', operation: 'c' }));
        stage.restart();
        await stage.pass(QUIET_MS);
        expect(sorted(stage.texts())).toEqual(before);
      });
    });

    it('removes what nobody cleans up once it has expired', async () => {
      await open(zone, async (stage) => {
        const before = sorted(stage.texts());
        await published(stage, 'one', { name, value: 'a' });
        stage.restart();
        await stage.pass(4 * DAY);
        expect(sorted(stage.texts())).toEqual(before);
        expect(unwrap(await stage.zone().owned())).toEqual([]);
      });
    });

    it('says that the zone is full, and writes nothing', async () => {
      await open(zone, async (stage) => {
        stage.fill(name);
        const before = sorted(stage.texts());
        expect(await publish(stage, stage.request('one', 'p', { name, value: 'x'.repeat(43) }))).toMatchObject({
          ok: false,
          error: { code: 'dns_zone_full', retryable: false, hint: expect.stringMatching(/\S/) },
        });
        await cleanedUp(stage, 'one');
        expect(sorted(stage.texts())).toEqual(before);
      });
    });

    it('refuses a name that no record can have, and publishes those of others', async () => {
      await open(zone, async (stage) => {
        const long = `_acme-challenge.${'x'.repeat(64)}.${zone}`;
        const [refused, fine] = [stage.request('long', 'long', { name: long, value: 'a' }), stage.request('fine', 'fine', { name, value: 'b' })];
        // Side by side, so that both may go into one write.
        const [first] = await Promise.all([stage.zone().present(refused), stage.zone().present(fine)]);
        const outcome = first.ok ? await publish(stage, refused) : first;
        expect(outcome).toMatchObject({ ok: false, error: { code: expect.stringMatching(/^dns_(refused|name_too_long)$/), retryable: false } });
        unwrap(await publish(stage, fine));
        expect(ours(stage)).toEqual(['b']);
        await cleanedUp(stage, 'long', 'fine');
        expect(unwrap(await stage.zone().owned())).toEqual([]);
      });
    });

    it('names credentials that the vendor does not accept, and goes on once it does', async () => {
      await open(zone, async (stage) => {
        const before = sorted(stage.texts());
        const request = stage.request('one', 'p', { name, value: 'a' });
        stage.accept(false);
        expect(await publish(stage, request)).toMatchObject({
          ok: false,
          error: { code: 'dns_unauthorized', hint: expect.stringMatching(/key|token/i) },
        });
        stage.accept(true);
        await stage.pass(QUIET_MS);
        unwrap(await publish(stage, { ...request, operation: 'again' }));
        expect(ours(stage)).toEqual(['a']);
        await cleanedUp(stage, 'one');
        expect(sorted(stage.texts())).toEqual(before);
      });
    });

    it('leaves a vendor alone that says "too many" for as long as that lasts, then goes on', async () => {
      await open(zone, async (stage) => {
        stage.limit();
        const limited = stage.now();
        const request = stage.request('one', 'p', { name, value: 'a' });
        const first = await stage.zone().present(request);
        // A vendor that is written to at once says so at once; the other when its turn has come.
        const wait = first.ok ? (first.value?.retryAt ?? null) : (first.error.retryAt ?? null);
        expect(wait).toBeGreaterThan(limited);
        await stage.pass(10_000);
        const asked = stage.requests();
        expect(asked).toBeGreaterThan(0);
        await stage.zone().present(request);
        await stage.pass(40_000);
        expect(stage.requests()).toBe(asked);
        await stage.pass(2 * MINUTE);
        unwrap(await publish(stage, { ...request, operation: 'again' }));
        expect(ours(stage)).toEqual(['a']);
      });
    });
  });
}
