/** The routes of zones in front of a real ZoneObject and an emulated Namecheap: a lost zone is looked at and put back. */
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { MINUTE, SECOND } from '../../shared/clock.ts';
import { unwrap } from '../../shared/errors.ts';
import { NAMECHEAP_VENDOR, USER } from './dns-namecheap.ts';
import { DOMAIN, line, onStage, sorted, STRANGERS, type Stage } from './dns-zone-table-stage.ts';
import { ADMIN, zoneSite } from './zone-site.ts';

const NAME = `_acme-challenge.${DOMAIN}`;
const ADDRESS = `/api/v1/zones/namecheap/${USER}~${DOMAIN}`;

function siteOf(stage: Stage) {
  const app = zoneSite({
    now: () => stage.account.now,
    zones: () => Promise.resolve(stage.reports.slice(-1)),
    object: () => stage.zone,
    records: () => Promise.reject(new Error('Nothing is declared.')),
  });
  const call = async (method: string, path: string, body?: object) => {
    const response = await app.request(path, {
      method,
      headers: { authorization: `Bearer ${ADMIN}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: await response.json() };
  };
  return { get: (path: string) => call('GET', path), post: (path: string, body: object) => call('POST', path, body) };
}

const digestSchema = z.object({ digest: z.string() });

/** Somebody loses the mail of the zone right after our write. */
async function lose(stage: Stage): Promise<void> {
  let reads = 0;
  stage.account.emulator.before = ({ command }) => {
    if (!command.endsWith('getHosts')) return;
    reads += 1;
    if (reads === 3) stage.edit((rows) => rows.filter(({ type }) => type !== 'MX'), 'NONE');
  };
  unwrap(await stage.zone.present(stage.request('one', { name: NAME, value: 'a' })));
  await stage.pass(MINUTE);
  stage.account.emulator.before = () => undefined;
}

describe('over HTTP, a zone that lost its mail', () => {
  it('says what differs, shows what restoring would do, and is put back exactly so', async () => {
    await onStage({}, async (stage) => {
      await lose(stage);
      const { get, post } = siteOf(stage);
      expect((await get('/api/v1/zones')).body).toMatchObject({
        zones: [{ zoneName: DOMAIN, address: ADDRESS, health: { stopped: { lines: expect.arrayContaining(['- @ MX aspmx.l.google.com. 1 3600']) } } }],
      });
      expect((await get(`${ADDRESS}/records`)).body).toMatchObject({ records: [{ name: NAME, value: 'a', atVendor: 'present' }] });
      const { snapshots } = z.object({ snapshots: z.array(z.object({ id: z.number() })) }).parse((await get(`${ADDRESS}/snapshots`)).body);
      const preview = await get(`${ADDRESS}/snapshots/${snapshots[0]?.id}`);
      expect(preview.body).toMatchObject({ lines: expect.arrayContaining(['+ @ MX aspmx.l.google.com. 1 3600', '+ EmailType MX', '- EmailType NONE']) });
      const { digest } = digestSchema.parse(preview.body);
      expect(await post(`${ADDRESS}/snapshots/${snapshots[0]?.id}/restore`, { digest: 'another' })).toMatchObject({
        status: 409,
        body: { error: { code: 'dns_zone_changed' } },
      });
      expect((await post(`${ADDRESS}/snapshots/${snapshots[0]?.id}/restore`, { digest })).status).toBe(200);
      await stage.pass(10 * SECOND);
      expect(stage.rows()).toEqual(sorted([...STRANGERS.map(line), '_acme-challenge TXT a']));
      expect((await get('/api/v1/zones')).body).toMatchObject({ zones: [{ health: { stopped: null } }] });
    });
  });

  it('goes on as it is when somebody says so', async () => {
    await onStage({}, async (stage) => {
      await lose(stage);
      const lost = stage.rows();
      expect(await siteOf(stage).post(`${ADDRESS}/release`, {})).toMatchObject({ status: 200, body: { health: { stopped: null } } });
      expect(stage.rows()).toEqual(lost);
    });
  });

  it('has no other snapshot than those it names', async () => {
    await onStage({}, async (stage) => {
      await lose(stage);
      expect(await siteOf(stage).get(`${ADDRESS}/snapshots/999`)).toMatchObject({
        status: 409,
        body: { error: { message: `${DOMAIN} has no snapshot 999.` } },
      });
    });
  });
});

describe('over HTTP, declared records', () => {
  it('are planned, approved by their digest, and written', async () => {
    await onStage({}, async (stage) => {
      const record = { type: 'A' as const, name: `api.${DOMAIN}`, value: '192.0.2.1', ttl: 300, adopt: false };
      unwrap(
        await stage.zone.declare({ vendor: NAMECHEAP_VENDOR, zone: { id: `${USER}/${DOMAIN}`, name: DOMAIN }, generation: 1, records: [record], held: [] }),
      );
      await stage.pass(10 * SECOND);
      const { get, post } = siteOf(stage);
      const { plan } = z.object({ plan: digestSchema.extend({ approved: z.boolean() }) }).parse((await get(`${ADDRESS}/plan`)).body);
      expect(plan.approved).toBe(false);
      expect((await post(`${ADDRESS}/plan/approve`, { digest: plan.digest })).status).toBe(200);
      await stage.pass(MINUTE);
      expect(stage.rows()).toEqual(sorted([...STRANGERS.map(line), 'api A 192.0.2.1']));
      expect((await get(`${ADDRESS}/plan`)).body).toMatchObject({ plan: { approved: true, records: [{ action: 'keep' }] } });
    });
  });
});
