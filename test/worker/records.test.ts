/** Declared records of a deployment: resolved, placed and told to their zones, which write them to an emulated Cloudflare. */
import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { describe, expect, it, vi } from 'vitest';
import type { CloudflareVendor, DeclaredRecord } from '../../functions/config/configuration.ts';
import type { ZoneObject } from '../../functions/dns/zone-object.ts';
import { createRecordPlacer } from '../../functions/dns/declared-places.ts';
import type { AuthorityIdentity, Instance, RecordsDeclaration, RecordsPorts } from '../../functions/records/ports.ts';
import { Records } from '../../functions/records/records.ts';
import { DAY, HOUR, MINUTE, SECOND } from '../../shared/clock.ts';
import { PerennialError, unwrap } from '../../shared/errors.ts';
import { Account, TOKEN, VENDOR } from './dns-cloudflare.ts';
import { byHand, linesOf, zoneLines } from './dns-declared-zone.ts';

const WWW = 'www.example.net';
const CA = {
  name: 'ca',
  directory: 'https://ca.test/directory',
  contact: [],
  egress: 'direct' as const,
  externalAccount: null,
  caa: [],
  profile: null,
  limits: null,
  deactivateAuthorizations: true,
};
/** A block that reaches another zone. */
const OTHER: CloudflareVendor = {
  name: 'other',
  provider: 'cloudflare',
  token: 'secret:cloudflare-token',
  endpoint: 'http://cloudflare.test/client/v4',
  zoneId: 'f'.repeat(32),
  delegation: null,
};
const ACCOUNT_URL = 'https://ca.test/account/1';

const written = (name: string, ...values: string[]): DeclaredRecord => ({ name, type: 'A', source: { kind: 'values', values }, ttl: 300, adopt: false });
const following = (name: string, type: 'A' | 'AAAA' = 'A'): DeclaredRecord => ({
  name,
  type,
  source: { kind: 'instances', cluster: 'main', service: 'traefik', namespace: 'default' },
  ttl: 300,
  adopt: false,
});
const managed = (name: string): DeclaredRecord => ({ name, type: 'CAA', source: { kind: 'authorities', authorities: ['ca'] }, ttl: 300, adopt: false });

/** A deployment: the vendor's account, what relay and CA say, and the objects' storages, which outlive their objects. */
class Deployment {
  readonly account = new Account();
  /** Null: no relay can be asked. */
  instances: Instance[] | null = [];
  identity: AuthorityIdentity = { identities: [], accountUrl: null };
  /** Calls to a zone from now on that fail: before it heard of it, or after. */
  zoneFault: 'lost' | 'reply-lost' | null = null;
  /** Questions and answers until the object dies: what it waits for then never comes. */
  dieIn = Infinity;
  /** Resolves when it does. */
  died = Promise.resolve();
  /** Every question and call: `place www.example.net`, `declare 3`, … */
  readonly calls: string[] = [];
  records: Records;
  readonly #storage: DurableObjectStorage;
  readonly #zoneName = `cloudflare:${crypto.randomUUID()}`;
  #generation = 0;
  #die: () => void = () => undefined;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
    this.records = this.#live();
  }

  restart(): void {
    this.dieIn = Infinity;
    this.records = this.#live();
  }

  /** Runs until the object dies. */
  async runToDeath(survived: number): Promise<void> {
    this.dieIn = survived;
    this.died = new Promise((resolve) => {
      this.#die = resolve;
    });
    const ended = await Promise.race([this.records.run().then(() => 'lived' as const), this.died.then(() => 'died' as const)]);
    expect(ended).toBe('died');
    this.restart();
  }

  configure(records: DeclaredRecord[], more: Partial<RecordsDeclaration> = {}): number {
    this.#generation = more.generation ?? this.#generation + 1;
    return this.records.apply({ generation: this.#generation, records, vendors: [VENDOR], authorities: [CA], clusters: ['main'], ...more });
  }

  /** Asks the zone's object, which has just been started. */
  inZone<T>(work: (zone: ZoneObject) => Promise<T>): Promise<T> {
    return runInDurableObject(env.ZONES.getByName(this.#zoneName), (_object, state) => work(this.account.open(state, env)));
  }

  /** Resolves and tells; then the zone does what it was told, approved by somebody. */
  async settle(): Promise<string[]> {
    await this.records.run();
    return this.inZone(async (zone) => {
      const plan = unwrap(await zone.plan());
      if (plan !== null) unwrap(await zone.approve(plan.digest));
      return linesOf(plan);
    });
  }

  status() {
    return this.records.status(null);
  }

  #live(): Records {
    return new Records({ storage: this.#storage, clock: () => this.account.now, ports: ({ vendors }) => this.#ports(vendors) });
  }

  #ports(vendors: RecordsDeclaration['vendors']): RecordsPorts {
    const { account } = this;
    const place = createRecordPlacer({
      vendors,
      resolvers: [],
      secret: () => Promise.resolve(TOKEN),
      namecheap: () => {
        throw new PerennialError('relay_offline', 'No relay is connected.', { retryable: true });
      },
      fetch: account.fetch,
      clock: () => account.now,
    });
    return {
      place: (name) => this.#counted(`place ${name}`, () => place(name)),
      instances: () =>
        this.#counted('instances', () => {
          if (this.instances === null) throw new PerennialError('relay_offline', 'No relay of main is connected.', { retryable: true });
          return this.instances;
        }),
      authority: (name) => this.#counted(`authority ${name}`, () => this.identity),
      declare: (request) =>
        this.#counted(`declare ${request.records.length}`, async () => {
          if (this.zoneFault !== 'lost') unwrap(await this.inZone((zone) => zone.declare(request)));
          if (this.zoneFault !== null) throw new PerennialError('internal', 'The zone could not be told.', { retryable: true });
        }),
    };
  }

  async #counted<T>(call: string, work: () => T | Promise<T>): Promise<T> {
    await this.#survive();
    this.calls.push(call);
    const answer = await work();
    await this.#survive();
    return answer;
  }

  #survive(): Promise<void> {
    this.dieIn -= 1;
    if (this.dieIn >= 0) return Promise.resolve();
    this.#die();
    return new Promise(() => undefined);
  }
}

function instance(address: string, healthy = true): Instance {
  return { id: address, address, port: 443, job: 'traefik', healthy, detail: '' };
}

async function onStage(play: (deployment: Deployment) => Promise<void>): Promise<void> {
  await runInDurableObject(env.RECORDS.getByName(crypto.randomUUID()), (_object, { storage }) => play(new Deployment(storage)));
}

describe('declared values', () => {
  it('reach the zone that holds their names, and it the vendor', async () => {
    await onStage(async (deployment) => {
      deployment.configure([written(WWW, '192.0.2.1'), written('*.example.net', '192.0.2.1', '192.0.2.2')]);
      expect(deployment.status().records.map(({ state }) => state)).toEqual(['pending', 'pending']);
      expect(await deployment.settle()).toEqual([`add A ${WWW} 192.0.2.1`, 'add A *.example.net 192.0.2.1', 'add A *.example.net 192.0.2.2']);
      expect(zoneLines(deployment.account)).toHaveLength(3);
      expect(deployment.status()).toMatchObject({
        generation: 1,
        checkedAt: deployment.account.now,
        records: [
          {
            name: WWW,
            type: 'A',
            source: 'as written',
            state: 'declared',
            values: ['192.0.2.1'],
            held: null,
            zone: { vendor: 'main', zoneName: 'example.net' },
            failure: null,
          },
          { name: '*.example.net', values: ['192.0.2.1', '192.0.2.2'] },
        ],
        zones: [{ provider: 'cloudflare', zoneName: 'example.net', records: 2, toldAt: deployment.account.now, failure: null }],
      });
    });
  });

  it('cost nothing while nothing changes, and are placed anew once a day', async () => {
    await onStage(async (deployment) => {
      deployment.configure([written(WWW, '192.0.2.1')]);
      expect(await deployment.records.run()).toBe(deployment.account.now + DAY);
      deployment.calls.length = 0;
      deployment.account.now += HOUR;
      await deployment.records.run();
      expect(deployment.calls).toEqual([]);
      deployment.account.now += DAY;
      await deployment.records.run();
      expect(deployment.calls).toEqual([`place ${WWW}`]);
    });
  });

  it('are told again when the fleet says the same again, and an older configuration is ignored', async () => {
    await onStage(async (deployment) => {
      deployment.configure([written(WWW, '192.0.2.1')], { generation: 7 });
      await deployment.settle();
      expect(deployment.configure([], { generation: 6 })).toBe(7);
      expect(deployment.configure([written(WWW, '192.0.2.1')], { generation: 7 })).toBe(7);
      deployment.calls.length = 0;
      await deployment.records.run();
      expect(deployment.calls).toEqual(['declare 1']);
    });
  });

  it('are taken back when they leave the configuration, also when the block of their zone has left with them', async () => {
    for (const vendors of [[VENDOR], []]) {
      await onStage(async (deployment) => {
        byHand(deployment.account, { type: 'TXT', name: WWW, content: '"theirs"' });
        deployment.configure([written(WWW, '192.0.2.1')]);
        await deployment.settle();
        deployment.configure([], { vendors });
        expect(await deployment.settle()).toEqual([`remove A ${WWW} 192.0.2.1`]);
        expect(zoneLines(deployment.account)).toEqual([`TXT ${WWW} "theirs" 300`]);
        expect(deployment.status()).toMatchObject({ records: [], zones: [] });
        expect(await deployment.records.run()).toBeNull();
      });
    }
  });

  it('stay at the vendor when the block of their zone leaves and they do not', async () => {
    await onStage(async (deployment) => {
      deployment.configure([written(WWW, '192.0.2.1')]);
      await deployment.settle();
      deployment.configure([written(WWW, '192.0.2.1')], { vendors: [OTHER] });
      expect(await deployment.settle()).toEqual([`held A ${WWW}`]);
      expect(zoneLines(deployment.account)).toHaveLength(1);
      expect(deployment.status().records).toMatchObject([{ state: 'failing', zone: null }]);
    });
  });
});

describe('a record', () => {
  it('that no zone holds says so, does not hold up others, and is looked for again', async () => {
    await onStage(async (deployment) => {
      deployment.configure([written('www.example.org', '192.0.2.1'), written(WWW, '192.0.2.1')]);
      const next = await deployment.records.run();
      expect(next).toBe(deployment.account.now + 30 * SECOND);
      expect(deployment.status().records).toMatchObject([
        { state: 'failing', zone: null, failure: { code: 'dns_zone_not_found', message: expect.stringContaining('www.example.org') } },
        { state: 'declared' },
      ]);
      const waits: number[] = [];
      for (let attempt = 0; attempt < 4; attempt += 1) {
        const due = (await deployment.records.run()) ?? 0;
        waits.push(due - deployment.account.now);
        deployment.account.now = due;
      }
      expect(waits).toEqual([30, 60, 120, 240].map((seconds) => seconds * SECOND));
    });
  });

  it('stays as it is while its vendor cannot say where it lies', async () => {
    await onStage(async (deployment) => {
      deployment.configure([written(WWW, '192.0.2.1')]);
      await deployment.settle();
      deployment.restart();
      deployment.account.now += DAY;
      deployment.account.faults.next({ kind: 'html', status: 502, times: 1 });
      expect(await deployment.settle()).toEqual([`keep A ${WWW} 192.0.2.1`]);
    });
  });
});

describe('a zone that cannot be told', () => {
  it.each(['lost', 'reply-lost'] as const)('is told again, the call %s, later each time', async (fault) => {
    await onStage(async (deployment) => {
      deployment.configure([written(WWW, '192.0.2.1')]);
      deployment.zoneFault = fault;
      const waits: number[] = [];
      for (let attempt = 0; attempt < 3; attempt += 1) {
        const due = (await deployment.records.run()) ?? 0;
        waits.push(due - deployment.account.now);
        deployment.account.now = due;
      }
      expect(waits).toEqual([30, 60, 120].map((seconds) => seconds * SECOND));
      expect(deployment.status()).toMatchObject({ records: [{ state: 'failing', failure: { code: 'internal' } }], zones: [{ toldAt: null }] });
      deployment.zoneFault = null;
      expect(await deployment.settle()).toEqual([`add A ${WWW} 192.0.2.1`]);
      expect(deployment.status()).toMatchObject({ records: [{ state: 'declared', failure: null }] });
    });
  });
});

describe('addresses of instances', () => {
  it('follow the healthy ones, A and AAAA apart, and let one go only after a while', async () => {
    await onStage(async (deployment) => {
      deployment.instances = [instance('192.0.2.1'), instance('192.0.2.2'), instance('192.0.2.3', false), instance('2001:db8::1')];
      deployment.configure([following(WWW), following(WWW, 'AAAA')]);
      expect(await deployment.settle()).toEqual([`add A ${WWW} 192.0.2.1`, `add A ${WWW} 192.0.2.2`, `add AAAA ${WWW} 2001:db8::1`]);

      deployment.instances = [instance('192.0.2.1'), instance('192.0.2.3'), instance('2001:db8::1')];
      const changes: string[][] = [];
      for (let minute = 1; minute <= 7; minute += 1) {
        deployment.account.now += MINUTE;
        changes.push((await deployment.settle()).filter((line) => !line.startsWith('keep')));
      }
      expect(changes).toEqual([[`add A ${WWW} 192.0.2.3`], [], [], [], [], [`remove A ${WWW} 192.0.2.2`], []]);
      expect(zoneLines(deployment.account)).toEqual([`A ${WWW} 192.0.2.1 300`, `AAAA ${WWW} 2001:db8::1 300`, `A ${WWW} 192.0.2.3 300`]);
    });
  });

  it('are asked for every minute, and the zone is told of changes only', async () => {
    await onStage(async (deployment) => {
      deployment.instances = [instance('192.0.2.1')];
      deployment.configure([following(WWW), following('*.example.net')]);
      expect(await deployment.records.run()).toBe(deployment.account.now + MINUTE);
      deployment.calls.length = 0;
      deployment.account.now += MINUTE;
      expect(await deployment.records.run()).toBe(deployment.account.now + MINUTE);
      expect(deployment.calls).toEqual(['instances']);
    });
  });

  it('stay as they are while none is healthy or no relay answers, and follow again afterwards', async () => {
    await onStage(async (deployment) => {
      deployment.instances = [instance('192.0.2.1')];
      deployment.configure([following(WWW)]);
      await deployment.settle();
      for (const down of [[instance('192.0.2.1', false)], [], null]) {
        deployment.instances = down;
        for (let minute = 0; minute < 10; minute += 1) {
          deployment.account.now += MINUTE;
          expect(await deployment.settle()).toEqual([`held A ${WWW}`]);
        }
        expect(deployment.status().records).toMatchObject([{ state: 'held', values: [], held: expect.stringContaining('traefik in main') }]);
      }
      expect(zoneLines(deployment.account)).toEqual([`A ${WWW} 192.0.2.1 300`]);
      deployment.instances = [instance('192.0.2.7')];
      deployment.account.now += MINUTE;
      await deployment.settle();
      expect(zoneLines(deployment.account)).toEqual([`A ${WWW} 192.0.2.7 300`]);
    });
  });
});

describe('managed CAA', () => {
  it('is held until the account is registered, then lets that account issue', async () => {
    await onStage(async (deployment) => {
      deployment.configure([managed('example.net')]);
      expect(await deployment.settle()).toEqual(['held CAA example.net']);
      expect(deployment.status().records).toMatchObject([{ state: 'held', held: expect.stringContaining('No account is registered at ca') }]);

      deployment.identity = { identities: ['ca.test'], accountUrl: ACCOUNT_URL };
      deployment.account.now += MINUTE;
      await deployment.settle();
      const parameters = `accounturi=${ACCOUNT_URL}; validationmethods=dns-01`;
      expect(zoneLines(deployment.account)).toEqual([
        `CAA example.net 0 issue "ca.test; ${parameters}" 300`,
        `CAA example.net 0 issuewild "ca.test; ${parameters}" 300`,
      ]);
    });
  });

  it('follows an account that had to be registered anew', async () => {
    await onStage(async (deployment) => {
      deployment.identity = { identities: ['ca.test'], accountUrl: ACCOUNT_URL };
      deployment.configure([managed('example.net')]);
      await deployment.settle();
      deployment.identity = { identities: ['ca.test'], accountUrl: 'https://ca.test/account/2' };
      deployment.account.now += 10 * MINUTE;
      await deployment.settle();
      expect(zoneLines(deployment.account).filter((line) => line.includes('account/2'))).toHaveLength(2);
      expect(zoneLines(deployment.account)).toHaveLength(2);
    });
  });
});

describe('a crash', () => {
  it('at any question or answer is made up for by the next run', async () => {
    await onStage(async (deployment) => {
      const steps = async () => {
        deployment.calls.length = 0;
        await deployment.settle();
        return deployment.calls.length * 2;
      };
      deployment.instances = [instance('192.0.2.1')];
      deployment.identity = { identities: ['ca.test'], accountUrl: ACCOUNT_URL };
      deployment.configure([written(WWW, '192.0.2.9'), following('a.example.net'), managed('example.net')]);
      const all = await steps();
      expect(all).toBeGreaterThanOrEqual(12);

      for (let survived = 0; survived < all; survived += 1) {
        const [address, other] = [`192.0.2.${10 + survived}`, `192.0.2.${100 + survived}`];
        deployment.instances = [instance(other)];
        deployment.account.now += DAY;
        deployment.configure([written(WWW, address), following('a.example.net'), managed('example.net')]);
        await deployment.runToDeath(survived);
        // What was seen of the old address may last five minutes more.
        for (const wait of [0, 10 * MINUTE]) {
          deployment.account.now += wait;
          await deployment.settle();
        }
        const lines = zoneLines(deployment.account);
        expect(lines.filter((line) => line.startsWith('A ')).toSorted()).toEqual([`A a.example.net ${other} 300`, `A ${WWW} ${address} 300`]);
        expect(lines).toHaveLength(4);
      }
    });
  });
});

describe('the object', () => {
  const object = env.RECORDS.getByName('records');
  const declaration = { generation: 1, records: [written(WWW, '192.0.2.1')], vendors: [VENDOR], authorities: [CA], clusters: ['main'] };

  it('takes declarations over its border, works by alarm, and says what keeps it from more', async () => {
    expect(await object.status()).toMatchObject({ ok: true, value: { generation: null, records: [], nextAt: null } });
    const started = Date.now();
    expect(await object.apply(declaration)).toEqual({ ok: true, value: 1 });
    await vi.waitFor(async () => {
      // The test deployment holds no secrets.
      expect(await object.status()).toMatchObject({
        ok: true,
        value: {
          generation: 1,
          checkedAt: expect.any(Number),
          records: [{ name: WWW, state: 'failing', failure: { code: expect.stringContaining('secret') } }],
        },
      });
    });
    const status = await object.status();
    expect(status.ok && status.value.nextAt).toBeGreaterThan(started);
    expect(await object.apply({ ...declaration, generation: 0 })).toEqual({ ok: true, value: 1 });
  });

  it('stops when nothing is declared any more', async () => {
    await object.apply({ ...declaration, generation: 2, records: [] });
    await vi.waitFor(async () => expect(await object.status()).toMatchObject({ ok: true, value: { generation: 2, records: [], zones: [], nextAt: null } }));
  });

  it('refuses what is no declaration', async () => {
    const broken = { generation: 3, records: [{ name: 'x' }], vendors: [], authorities: [], clusters: [] };
    // @ts-expect-error What another release sends may have another shape.
    expect(await object.apply(broken)).toMatchObject({ ok: false });
    expect(await object.status()).toMatchObject({ ok: true, value: { generation: 2 } });
  });
});
