import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { DnsError } from '../../functions/dns/dns-error.ts';
import { ADMIN, onSite, ORIGIN, type Site } from './web-world.ts';

const admin = { authorization: `Bearer ${ADMIN}` };
const json = { ...admin, 'content-type': 'application/json' };
const FORM = { 'content-type': 'application/x-www-form-urlencoded' };
const CO_UK = '/api/v1/zones/namecheap/ops~example.co.uk';

const get = (site: Site, path: string) => site.request(path, { headers: admin });
const post = (site: Site, path: string, body: unknown = {}) => site.request(path, { method: 'POST', headers: json, body: JSON.stringify(body) });
const digestSchema = z.object({ digest: z.string() });

function zoneOf(site: Site, name: string) {
  const zone = site.zones.get(name);
  if (zone === undefined) throw new Error(`There is no zone ${name}.`);
  return zone;
}

async function errorOf(response: Response): Promise<string> {
  const { error } = z.object({ error: z.object({ code: z.string() }) }).parse(await response.json());
  return `${response.status} ${error.code}`;
}

async function planDigest(site: Site, path = CO_UK): Promise<string> {
  return z.object({ plan: digestSchema }).parse(await (await get(site, `${path}/plan`)).json()).plan.digest;
}

describe('the list of zones', () => {
  it('has the health of each, and the address under which more is asked', async () => {
    await onSite('zones-list', async (site) => {
      expect(await (await get(site, '/api/v1/zones')).json()).toMatchObject({
        zones: [
          {
            provider: 'namecheap',
            zoneId: 'ops/example.co.uk',
            zoneName: 'example.co.uk',
            address: CO_UK,
            health: { stopped: null, declared: { add: 1, approved: false } },
          },
          { provider: 'cloudflare', zoneName: 'example.net', address: `/api/v1/zones/cloudflare/${'0'.repeat(32)}` },
        ],
      });
    });
  });

  it('is in the overview of the API as well, and not for people without a session', async () => {
    await onSite('zones-overview', async (site) => {
      const zone = zoneOf(site, 'example.co.uk');
      zone.stopped = {
        at: 1,
        message: 'Foreign rows have changed.',
        lines: ['- MX example.co.uk 1 mail.example.net'],
        command: 'npm run dns -- restore example.co.uk 1',
      };
      site.report(zone);
      expect(await (await get(site, '/api/v1/status')).json()).toMatchObject({
        overall: { state: 'attention', sentence: 'A DNS zone is stopped.' },
        zones: [
          { zone: 'example.co.uk', vendor: 'registrar', address: CO_UK, stopped: { command: 'npm run dns -- restore example.co.uk 1' } },
          { zone: 'example.net' },
        ],
      });
      for (const path of ['/', '/api/v1/status']) expect(await (await site.request(path)).text(), path).not.toMatch(/example\.|DNS|zone/);
    });
  });
});

describe('a zone', () => {
  it('is found by its name, its id, and its id with the slash that no proxy takes apart', async () => {
    await onSite('zones-found', async (site) => {
      for (const zone of ['example.co.uk', 'EXAMPLE.co.uk.', 'ops~example.co.uk', 'ops%2Fexample.co.uk'])
        expect(await (await get(site, `/api/v1/zones/namecheap/${zone}/records`)).json(), zone).toMatchObject({ zone: { zoneId: 'ops/example.co.uk' } });
    });
  });

  it('that the fleet does not know is not made by asking for it', async () => {
    await onSite('zones-unknown', async (site) => {
      for (const path of ['namecheap/example.net', 'cloudflare/example.co.uk', 'namecheap/..%2F..', 'nobody/example.net', `cloudflare/${'x'.repeat(300)}`])
        expect(await errorOf(await get(site, `/api/v1/zones/${path}/records`)), path).toBe('404 zone_unknown');
    });
  });

  it('shows what we believe we own beside what the vendor has', async () => {
    await onSite('zones-audit', async (site) => {
      const row = {
        owner: 'issuance-1',
        name: '_acme-challenge.example.co.uk',
        type: 'TXT',
        value: 'x',
        state: 'written' as const,
        recordId: null,
        found: false,
        createdAt: 1,
        expiresAt: 2,
        atVendor: 'missing' as const,
      };
      zoneOf(site, 'example.co.uk').owned = [row];
      expect(await (await get(site, `${CO_UK}/records`)).json()).toEqual({ zone: zoneOf(site, 'example.co.uk').name, records: [row] });
    });
  });

  it('passes on why its vendor could not be asked, as an error that is not ours', async () => {
    await onSite('zones-failing', async (site) => {
      const zone = zoneOf(site, 'example.co.uk');
      zone.failure = new DnsError('dns_unreachable', 'Namecheap did not answer.', { retryable: true });
      expect(await errorOf(await get(site, `${CO_UK}/plan`))).toBe('503 dns_unreachable');
      zone.failure = new DnsError('dns_forbidden', 'The token may not read this zone.');
      expect(await errorOf(await get(site, `${CO_UK}/records`))).toBe('502 dns_forbidden');
      expect(await (await get(site, '/api/v1/records')).json()).toMatchObject({
        plans: [
          { zone: { zoneName: 'example.net' }, plan: { records: [{ action: 'add' }] }, failure: null },
          { zone: { zoneName: 'example.co.uk' }, plan: null, failure: { code: 'dns_forbidden' } },
        ],
      });
    });
  });
});

describe('a plan', () => {
  it('is approved by its digest, and by no other', async () => {
    await onSite('plan-approve', async (site) => {
      const digest = await planDigest(site);
      expect(await errorOf(await post(site, `${CO_UK}/plan/approve`, { digest: 'another' }))).toBe('409 dns_zone_changed');
      expect(zoneOf(site, 'example.co.uk').done).toEqual([]);
      const approved = await post(site, `${CO_UK}/plan/approve`, { digest });
      expect([approved.status, await approved.json()]).toMatchObject([200, { zone: { zoneName: 'example.co.uk' }, health: { declared: { approved: true } } }]);
      expect(zoneOf(site, 'example.co.uk').done).toEqual(['approve']);
    });
  });

  it.each([['{}'], ['{"digest":""}'], ['{"digest":1}'], ['{"digest":"d","more":1}'], ['digest'], [`{"digest":"${'d'.repeat(2_000)}"}`]])(
    'is not approved by %s',
    async (body) => {
      await onSite(`plan-body ${body.slice(0, 30)} ${body.length}`, async (site) => {
        const response = await site.request(`${CO_UK}/plan/approve`, { method: 'POST', headers: json, body });
        expect([400, 413]).toContain(response.status);
        expect(zoneOf(site, 'example.co.uk').done).toEqual([]);
      });
    },
  );

  it('is approved by the button beside it, in a session, never from another site', async () => {
    await onSite('plan-button', async (site) => {
      const signedIn = await site.request('/login', { method: 'POST', headers: { ...FORM, origin: ORIGIN }, body: `token=${ADMIN}` });
      const cookie = signedIn.headers.get('set-cookie')?.split(';')[0] ?? '';
      const page = await (await site.request('/', { headers: { cookie } })).text();
      const [, action = '', digest = ''] =
        /<form method="post" action="([^"]*example\.co\.uk\/plan\/approve)"><input type="hidden" name="digest" value="([^"]*)"/.exec(page) ?? [];
      const press = (origin: string, value: string) =>
        site.request(action, {
          method: 'POST',
          headers: { ...FORM, cookie, origin, referer: `${ORIGIN}/` },
          body: new URLSearchParams({ digest: value }).toString(),
        });
      expect((await press('https://elsewhere.example.com', digest)).status).toBe(403);
      expect((await press(ORIGIN, 'another')).headers.get('location')).toBe('/?notice=plan-changed');
      expect(zoneOf(site, 'example.co.uk').done).toEqual([]);
      expect((await press(ORIGIN, digest)).headers.get('location')).toBe('/?notice=approved');
      expect(zoneOf(site, 'example.co.uk').done).toEqual(['approve']);
      // Before the zone has told the fleet: the page asks it anew, and offers nothing to approve.
      const after = await (await site.request('/?notice=approved', { headers: { cookie } })).text();
      expect(after).toContain('The plan is approved; its records are written now.');
      expect(after).not.toContain(`action="${action}"`);
    });
  });

  it('is not made anew for every look at the page: reading a zone costs its vendor calls', async () => {
    await onSite('plan-kept', async (site) => {
      const zone = zoneOf(site, 'example.co.uk');
      let made = 0;
      const plan = zone.plan.bind(zone);
      zone.plan = () => {
        made += 1;
        return plan();
      };
      for (let look = 0; look < 5; look += 1) expect(await (await get(site, '/')).text()).toContain('www.example.co.uk');
      expect(made).toBe(1);
      zone.declare(['A api.example.co.uk 192.0.2.1']);
      site.report(zone);
      site.advance(60_000);
      expect(await (await get(site, '/')).text()).toContain('api.example.co.uk');
      expect(made).toBe(2);
    });
  });

  it('that cannot be made leaves the page standing, and is asked for again a minute later', async () => {
    await onSite('plan-failing', async (site) => {
      const zone = zoneOf(site, 'example.co.uk');
      zone.failure = new DnsError('dns_unreachable', 'Namecheap did not answer.', { retryable: true });
      expect(await (await get(site, '/')).text()).toContain('The plan cannot be made now: Namecheap did not answer.');
      zone.failure = null;
      site.advance(60_000);
      expect(await (await get(site, '/')).text()).toContain('A www.example.co.uk 192.0.2.1');
    });
  });
});

describe('a snapshot', () => {
  const lost = (site: Site) => {
    const zone = zoneOf(site, 'example.co.uk');
    zone.lines = [];
    zone.stopped = { at: 1, message: 'A foreign row is gone.', lines: [], command: 'c' };
    return zone;
  };

  it('is previewed, and restored by the digest of exactly this preview', async () => {
    await onSite('snapshot', async (site) => {
      const zone = lost(site);
      expect(await (await get(site, `${CO_UK}/snapshots`)).json()).toMatchObject({ snapshots: [{ id: 1, reason: 'before a test' }] });
      const preview = await (await get(site, `${CO_UK}/snapshots/1`)).json();
      expect(preview).toMatchObject({ snapshot: { id: 1 }, lines: ['+ MX example.co.uk 1 mail.example.net'] });
      const { digest } = digestSchema.parse(preview);
      zone.lines = ['A example.co.uk 192.0.2.9'];
      expect(await errorOf(await post(site, `${CO_UK}/snapshots/1/restore`, { digest }))).toBe('409 dns_zone_changed');
      const again = digestSchema.parse(await (await get(site, `${CO_UK}/snapshots/1`)).json());
      const restored = await post(site, `${CO_UK}/snapshots/1/restore`, { digest: again.digest });
      expect([restored.status, await restored.json()]).toMatchObject([200, { health: { stopped: null } }]);
      expect([zone.lines, zone.done]).toEqual([['MX example.co.uk 1 mail.example.net'], ['restore 1']]);
    });
  });

  it.each(['0', '-1', 'latest', '1.5', '1e99'])('is named by a number, not by %s', async (id) => {
    await onSite(`snapshot-id ${id}`, async (site) => {
      expect(await errorOf(await get(site, `${CO_UK}/snapshots/${id}`))).toBe('404 snapshot_unknown');
      expect(await errorOf(await post(site, `${CO_UK}/snapshots/${id}/restore`, { digest: 'd' }))).toBe('404 snapshot_unknown');
    });
  });

  it('need not be restored: a stopped zone goes on as it is, when somebody says so', async () => {
    await onSite('release', async (site) => {
      const zone = lost(site);
      expect(await (await post(site, `${CO_UK}/release`)).json()).toMatchObject({ zone: { zoneName: 'example.co.uk' }, health: { stopped: null } });
      expect([zone.lines, zone.done]).toEqual([[], ['release']]);
    });
  });
});
