/**
 * Strangers' zones in our hands, with real processes: certificates through Namecheap by the relay, a delegated name through
 * Cloudflare, declared records, and everything that may go wrong on the way. Whatever happens, what is not ours stays.
 *
 * The waits that protect a zone are a minute long and real here. So all of them run at the same time: what is damaged in
 * the first tests has to be well in the last ones.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parse, stringify } from 'smol-toml';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ZONE } from '../../infra/demo/configuration.ts';
import type { DnsVendor } from '../../functions/config/configuration.ts';
import { delegationFor } from '../../functions/dns/delegation.ts';
import { ROOT } from '../../infra/build/source.ts';
import type { NamecheapEmulator } from '../emulators/namecheap/index.ts';
import { strangersZone } from '../../infra/demo/strangers-zone.ts';
import { Installation } from './installation.ts';
import { domainsFor, StrangersZones, UNTOUCHED, zoneOf, zonesFor } from './strangers-zones.ts';

/** Each with an account, a zone and a certificate of its own. */
const SOUND = 'shop';
const FAULTY = ['lost', 'limited', 'outage', 'unlisted', 'edited', 'damaged'] as const;
const TORN = ['torn-before', 'torn-after', 'torn-relay'] as const;
const AT_NAMECHEAP = [SOUND, ...FAULTY, ...TORN];
/** A zone with declared records and without a certificate. */
const DECLARED = 'declared';
const DELEGATED = { certificate: 'delegated', domain: 'example.org', challenge: '_acme-challenge.example.org' } as const;
const DELEGATION = `acme.${ZONE}`;
/** What `[dns.main]` offers to names of others. */
const OFFER: readonly DnsVendor[] = [{ name: 'main', provider: 'cloudflare', token: 'secret:token', endpoint: null, zoneId: null, delegation: DELEGATION }];
/** Where calls to Namecheap come from, as the relay's law says. */
const RELAY_ADDRESS = '203.0.113.7';
/** What protects a zone is over after this long: a write may travel for a minute, and so long a limit of the vendor counts. */
const LONG_MS = 100_000;
const UNLISTED_ADDRESS = '198.51.100.1';
/** A service that a declared record follows. */
const INGRESS = 'ingress';
const HEALTHY_ADDRESS = '192.0.2.21';

const RECORDS = [
  { name: `www.${ZONE}`, type: 'A', value: '192.0.2.80' },
  { name: `about.${ZONE}`, type: 'TXT', value: 'kept as declared' },
  { name: `ingress.${ZONE}`, type: 'A', target: 'traefik', service: INGRESS },
  { name: `gone.${ZONE}`, type: 'A', value: '192.0.2.81' },
  { name: `taken.${ZONE}`, type: 'A', value: '192.0.2.82' },
  { name: `www2.${zoneOf(DECLARED)}`, type: 'A', value: '192.0.2.83' },
];
const STRANGERS_AT_CLOUDFLARE = [
  { name: ZONE, type: 'A', content: '192.0.2.10' },
  { name: `taken.${ZONE}`, type: 'A', content: '192.0.2.99' },
];

let installation: Installation;
/** Of the sound zone. */
let callsBeforeRenewal = 0;
let zones: StrangersZones;
let vendor: NamecheapEmulator;

beforeAll(async () => {
  const delegation = await delegationFor(DELEGATED.challenge, OFFER);
  if (delegation === null) throw new Error('No delegation is offered.');
  installation = await Installation.start({
    issue: 'begin',
    prepare: (started) => {
      installation = started;
      zones = new StrangersZones(started);
      vendor = zones.vendor;
      arm();
      startIngress();
    },
    certificates: [...AT_NAMECHEAP, DELEGATED.certificate],
    domains: { ...domainsFor(AT_NAMECHEAP), [DELEGATED.certificate]: [DELEGATED.domain] },
    namecheap: zonesFor([...AT_NAMECHEAP, DECLARED]),
    strangersRecords: STRANGERS_AT_CLOUDFLARE,
    toml: (text) => edition(text),
    furtherZones: [{ name: DELEGATED.domain, records: [{ name: DELEGATED.challenge, type: 'CNAME', data: delegation.target }] }],
    law: (law) => ({
      ...law,
      services: [...(law.services ?? []), { service: INGRESS, namespace: 'default', jobs: [INGRESS] }],
      // A snapshot and declared records are rows that are no challenges.
      namecheap: (law.namecheap ?? []).map((rule) => (['damaged', DECLARED].includes(rule.account) ? { ...rule, changes: 'any' } : rule)),
    }),
  });
}, 120_000);

afterAll(async () => installation?.stop());

/** Rows of a zone before anything of ours was in it. */
function strangersRows(name: string): number {
  return installation.system.contentsBefore.filter((line) => line.startsWith(`namecheap ${zoneOf(name)} `) && !/ (EmailType|SRV) /.test(line)).length;
}

/** What goes wrong while the first certificates are issued. */
function arm(): void {
  vendor.faults.next({ kind: 'reply-lost', command: 'setHosts', domain: zoneOf('lost') });
  vendor.faults.next({ kind: 'limited', command: 'setHosts', domain: zoneOf('limited') });
  vendor.faults.next({ kind: 'html', command: 'getHosts', domain: zoneOf('outage') });
  const { namecheapKey } = installation.system.secrets;
  vendor.accounts.put({ user: 'unlisted', key: namecheapKey, addresses: [UNLISTED_ADDRESS] });
  // Between the list that is planned on and the one that is read right before the write.
  zones.beforeNext('edited', 'getHosts', () => {
    zones.beforeNext('edited', 'getHosts', () => {
      zones.edit('edited', (hosts) => [...hosts, { name: 'edited-meanwhile', type: 'A', address: '203.0.113.77' }]);
    });
  });
  zones.hold('torn-relay');
  zones.hold('torn-before');
  vendor.faults.next({ kind: 'silent', effect: true, command: 'setHosts', domain: zoneOf('torn-after') });
  zones.afterNextWrite('torn-after', () => zones.note('torn-after'));
  // What a careless tool does a moment after our write: the mail is gone.
  zones.afterNextWrite('damaged', () => zones.edit('damaged', (hosts) => hosts.filter(({ type }) => type !== 'MX')));
}

/** One healthy instance and one whose check fails; the relay may ask how they are. */
function startIngress(): void {
  const { identities, workloads } = installation.nomad;
  identities.putPolicy('relay-instances', readFileSync(join(ROOT, 'infra/nomad/relay-instances.policy.hcl'), 'utf8'), {
    jobAcl: { namespace: 'default', jobId: 'relay' },
  });
  for (const [address, status] of [
    [HEALTHY_ADDRESS, 'success'],
    ['192.0.2.22', 'failure'],
  ] as const) {
    const { id } = workloads.start({ jobId: INGRESS, tasks: { traefik: {} } });
    workloads.register({ name: INGRESS, address, port: 443, jobId: INGRESS, allocationId: id });
    workloads.check(id, { service: INGRESS, name: 'alive', status });
  }
}

/** `npm run dns -- …` as a program that nobody sits in front of. */
async function dnsCommand(...input: readonly string[]): Promise<{ code: number; output: string; notes: string }> {
  const { worker, secrets } = installation.system;
  const child = spawn(process.execPath, [join(ROOT, 'infra/dns/main.ts'), ...input], {
    env: { PATH: process.env['PATH'], PERENNIAL_ORIGIN: worker.origin, ADMIN_TOKEN: secrets.adminToken, NODE_NO_WARNINGS: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [output, notes] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (notes += chunk.toString()));
  await once(child, 'close');
  return { code: child.exitCode ?? -1, output, notes };
}

interface Health {
  stopped: { message: string; lines: string[]; command: string } | null;
}

/** What a zone says of itself, as the API lists it. */
async function healthOf(name: string): Promise<Health> {
  const { body } = await installation.system.worker.ask('GET', '/api/v1/zones');
  // The Worker's own answer about itself; its shape is held by its tests.
  const { zones: listed } = JSON.parse(body) as { zones: { zoneName: string; health: Health }[] };
  return listed.find(({ zoneName }) => zoneName === zoneOf(name))?.health ?? { stopped: null };
}

/** Declared records of these names, as the vendor lists them. */
function written(names: readonly string[]): { name: string; type: string; content: string }[] {
  return RECORDS.filter(({ name }) => names.includes(name)).map(({ name, type, value = HEALTHY_ADDRESS }) => ({
    name,
    type,
    content: type === 'TXT' ? JSON.stringify(value) : value,
  }));
}

function lines(records: readonly { name: string; type: string; content: string }[]): string[] {
  return records.map(({ name, type, content }) => `${name} ${type} ${content}`).toSorted();
}

/** Changes the text of `certificates.toml`, from one deployment to the next. */
let edition = (text: string): string => stringify({ ...parse(text), records: RECORDS });

/** The block of Cloudflare under another name, one block of Namecheap gone, one record not declared any more. */
function later(text: string): string {
  const { dns, ...rest } = parse(text) as { dns: Record<string, object> };
  const { main, edited: _removed, ...others } = dns;
  return stringify({ ...rest, dns: { renamed: main, ...others }, records: RECORDS.filter(({ name }) => name !== `gone.${ZONE}`) });
}

/** Records of the zone at Cloudflare that are no challenges: name, type and content. */
function cloudflareRecords(): string[] {
  const { cloudflare } = installation.system;
  return lines(cloudflare.records(ZONE).filter(({ name }) => !name.includes('_acme-challenge') && !name.endsWith(DELEGATION)));
}

describe('kill -9 while zones are written for the first time', () => {
  it('strikes the relay in the middle of a write, and the Worker in the middle of one and right after another', async () => {
    await expect.poll(() => zones.held(), { timeout: 60_000 }).toEqual(TORN.toSorted());
    // What is not to be torn has been read back.
    await expect.poll(() => [SOUND, 'lost', 'edited'].filter((name) => !zones.isReadBack(name)), { timeout: 30_000 }).toEqual([]);
    await installation.relay.kill();
    zones.release('torn-relay');
    await installation.relay.start();
    installation.killWorkerd();
    // The write of a Worker that is gone: it takes effect when its successor may be at work already.
    zones.release('torn-before');
    await expect.poll(() => TORN.map((name) => zones.writes(name))).toEqual([1, 1, 1]);
  });
});

describe('certificates in the zones of strangers', () => {
  it('are issued for an apex and its wildcard through Namecheap, with the key in the cluster and everything else left as it was', async () => {
    const { live, zones: written } = await installation.untilLive(SOUND, 60_000);
    expect(live?.names.toSorted()).toEqual([`*.${zoneOf(SOUND)}`, zoneOf(SOUND)]);
    expect(written).toEqual([{ vendor: SOUND, zoneId: `${SOUND}/${zoneOf(SOUND)}`, zoneName: zoneOf(SOUND) }]);
    expect(installation.proxy(SOUND).fingerprint).toBe(live?.sha256);
    expect(zones.difference(SOUND)).toMatchObject({ missing: [], further: [] });
    callsBeforeRenewal = zones.calls(SOUND).length;
    await installation.force(SOUND);
  });

  it('are issued for a name whose owner created one CNAME, through the zone at Cloudflare and without any key of its vendor', async () => {
    const { live, zones: written } = await installation.untilLive(DELEGATED.certificate, 60_000);
    expect(live?.names).toEqual([DELEGATED.domain]);
    expect(written).toMatchObject([{ vendor: 'main', zoneName: ZONE }]);
    await expect.poll(() => installation.system.cloudflare.records(ZONE).filter(({ name }) => name.endsWith(DELEGATION)), { timeout: 10_000 }).toEqual([]);
  });
});

describe('a fault of Namecheap', () => {
  it('that loses the reply to a write is found out by reading: the write is not made twice', async () => {
    await installation.untilLive('lost', 60_000);
    expect(zones.calls('lost').filter(({ outcome }) => outcome === 'reply-lost')).toHaveLength(1);
    const beforeCleanUp = zones.calls('lost').filter(({ command, hosts }) => command === 'domains.dns.setHosts' && hosts > strangersRows('lost'));
    expect(beforeCleanUp).toHaveLength(1);
  });

  it('that answers for an edit in between has the zone planned anew, with the edit in it', async () => {
    await installation.untilLive('edited', 60_000);
    expect(zones.difference('edited')).toMatchObject({ missing: [], further: [expect.stringContaining('edited-meanwhile')] });
  });

  it('that refuses our address is shown with the address and where to list it', async () => {
    const view = await installation.until('unlisted', 'failing', ({ issuance }) => issuance?.failure?.code === 'dns_address_not_listed');
    expect(view.state).toBe('failing');
    expect(view.issuance?.failure?.hint).toContain(RELAY_ADDRESS);
    expect(view.issuance?.failure?.hint).toMatch(/whitelist/i);
    expect(zones.writes('unlisted')).toBe(0);
    vendor.accounts.put({ user: 'unlisted', key: installation.system.secrets.namecheapKey, addresses: [RELAY_ADDRESS] });
  });
});

describe('declared records', () => {
  it('are planned, and nothing is written before a person has approved the plan', async () => {
    // Whatever the strike has interrupted is told anew by the hourly sweep.
    await installation.system.worker.cron();
    await expect.poll(async () => (await dnsCommand('plan', zoneOf(DECLARED))).output, { timeout: 30_000 }).toContain('+ A www2');
    const { output } = await dnsCommand('plan', ZONE);
    expect(output).toContain(`+ A www.${ZONE} 192.0.2.80`);
    expect(output).toContain(`+ TXT about.${ZONE} kept as declared`);
    expect(output).toContain(`! A taken.${ZONE} 192.0.2.82`);
    expect(cloudflareRecords()).toEqual(lines(STRANGERS_AT_CLOUDFLARE));
    expect(await dnsCommand('apply', ZONE)).toMatchObject({ code: 1, notes: expect.stringContaining('--yes') });
    expect(zones.difference(DECLARED)).toEqual(UNTOUCHED);
  });

  it('are written once they are approved, at both vendors, and what is in the way stays', async () => {
    for (const zone of [ZONE, zoneOf(DECLARED)]) expect(await dnsCommand('apply', zone, '--yes')).toMatchObject({ code: 0 });
    await expect.poll(cloudflareRecords).toEqual(lines([...STRANGERS_AT_CLOUDFLARE, ...written([`www.${ZONE}`, `about.${ZONE}`, `gone.${ZONE}`])]));
    await expect
      .poll(() => zones.difference(DECLARED), { timeout: 20_000 })
      .toEqual({ missing: [], challenges: [], further: [expect.stringContaining('A www2 ["192.0.2.83"')] });
  });
});

describe('a zone that a careless tool has damaged', () => {
  it('is stopped, and people are told what differs and the command that restores it', async () => {
    await expect.poll(async () => (await healthOf('damaged')).stopped, { timeout: 40_000 }).not.toBeNull();
    const { command, lines: differing } = (await healthOf('damaged')).stopped ?? { command: '', lines: [] };
    expect(differing.filter((line) => line.startsWith('- @ MX '))).toHaveLength(2);
    expect(command).toContain(`npm run dns -- restore ${zoneOf('damaged')}`);
    const view = await installation.until('damaged', 'failing', ({ issuance }) => issuance?.failure?.code === 'dns_zone_stopped');
    expect(view.issuance?.failure?.hint).toContain('npm run dns -- restore');
    const { body } = await installation.system.worker.ask('GET', '/');
    expect(body).toContain('records that are not ours are not as they were written');
  });

  it('is restored by that command, for whoever confirms exactly what it shows', async () => {
    const shown = await dnsCommand('restore', zoneOf('damaged'));
    expect(shown).toMatchObject({ code: 1, notes: expect.stringContaining('+ @ MX aspmx.l.google.com. 1 3600') });
    const digest = /--confirm (\S+)/.exec(shown.notes)?.[1] ?? '';
    expect(await dnsCommand('restore', zoneOf('damaged'), '--confirm', `${digest}x`)).toMatchObject({ code: 1 });
    expect(zones.difference('damaged').missing).toHaveLength(2);
    expect(await dnsCommand('restore', zoneOf('damaged'), '--confirm', digest)).toMatchObject({ code: 0 });
    await expect.poll(async () => (await healthOf('damaged')).stopped, { timeout: 20_000 }).toBeNull();
    expect(zones.difference('damaged')).toMatchObject({ missing: [], further: [] });
    await installation.wake('damaged');
  });
});

describe('blocks that are renamed or removed while their zones hold records of ours', () => {
  it('leave nothing behind, and what is not declared any more goes while what drifted is put right', async () => {
    const { dns, cloudflare, secrets } = installation.system;
    // Held in the middle: no server shows what was written.
    const release = dns.world.faults.add({ kind: 'rcode', rcode: 'NXDOMAIN', type: 'TXT', name: `_acme-challenge.${zoneOf('edited')}` });
    const delegated = (await delegationFor(DELEGATED.challenge, OFFER))?.target ?? '';
    const releaseDelegated = dns.world.faults.add({ kind: 'rcode', rcode: 'NXDOMAIN', type: 'TXT', name: delegated });
    await Promise.all([installation.force('edited'), installation.force(DELEGATED.certificate)]);
    await expect.poll(() => zones.difference('edited').challenges.length, { timeout: 20_000 }).toBe(2);
    await expect.poll(() => cloudflare.records(ZONE).filter(({ name }) => name === delegated).length, { timeout: 20_000 }).toBe(1);
    const www = cloudflare.records(ZONE).find(({ name }) => name === `www.${ZONE}`);
    const drifted = await fetch(`${cloudflare.url}/zones/${cloudflare.zoneId(ZONE)}/dns_records/${www?.id}`, {
      method: 'PATCH',
      headers: { authorization: `Bearer ${secrets.cloudflareToken}`, 'content-type': 'application/json' },
      body: JSON.stringify({ content: '192.0.2.66' }),
    });
    expect(drifted.status).toBe(200);

    edition = later;
    await installation.redeploy(installation.system.configuration(installation.wishes.filter(({ name }) => name !== 'edited')));
    release();
    releaseDelegated();
    // The Worker that was replaced may have died in the middle of a write: that is waited out for a minute.
    await expect
      .poll(cloudflareRecords, { timeout: LONG_MS })
      .toEqual(expect.arrayContaining(lines([...STRANGERS_AT_CLOUDFLARE, ...written([`www.${ZONE}`, `about.${ZONE}`])])));
    expect(cloudflareRecords().some((line) => line.startsWith(`gone.${ZONE} `))).toBe(false);
  });
});

describe('in the end', () => {
  it('every certificate is live, whatever its zone went through', async () => {
    await installation.wake('unlisted');
    await Promise.all(['limited', 'outage', 'unlisted', 'damaged', ...TORN, DELEGATED.certificate].map((name) => installation.untilLive(name, LONG_MS)));
    for (const name of AT_NAMECHEAP.filter((other) => other !== 'edited')) {
      const { live } = await installation.view(name);
      expect(installation.proxy(name).fingerprint, name).toBe(live?.sha256);
    }
    expect(zones.calls('limited').some(({ outcome }) => outcome === 'limited')).toBe(true);
    expect(zones.calls('outage').some(({ outcome }) => outcome === 'html')).toBe(true);
  });

  it('nothing of ours is left in any zone, and nothing of anybody else is missing or changed', async () => {
    const edit = { name: 'edited-meanwhile' };
    for (const name of AT_NAMECHEAP) {
      await expect
        .poll(() => zones.difference(name), { timeout: LONG_MS })
        .toEqual({ ...UNTOUCHED, further: name === 'edited' ? [expect.stringContaining(edit.name)] : [] });
    }
    const delegated = installation.system.cloudflare.records(ZONE).filter(({ name }) => name.endsWith(DELEGATION));
    expect(delegated).toEqual([]);
    await expect
      .poll(cloudflareRecords, { timeout: 60_000 })
      .toEqual(lines([...STRANGERS_AT_CLOUDFLARE, ...written([`www.${ZONE}`, `about.${ZONE}`, `ingress.${ZONE}`])]));
    expect((await dnsCommand('records')).code).toBe(0);
  });

  it('a renewal has cost eight calls of the budget at most', async () => {
    const { history } = await installation.untilLive(SOUND, 1_000, 2);
    expect(history).toHaveLength(2);
    const calls = zones.calls(SOUND).slice(callsBeforeRenewal);
    expect(calls.map(({ command }) => command).filter((command) => command === 'domains.dns.setHosts').length).toBeGreaterThanOrEqual(2);
    expect(calls.length).toBeLessThanOrEqual(8);
  });

  it('no log holds a key or anything of a zone, and the key of the registrar was in the cluster alone', () => {
    const { state, secrets } = installation.system;
    const { hosts, srv } = strangersZone();
    const values = [...hosts.map(({ address }) => address), ...srv.map(({ target }) => target), secrets.namecheapKey, secrets.cloudflareToken];
    const logs = filesBelow(state.path('logs'));
    expect(logs.map(({ path }) => basename(path))).toEqual(expect.arrayContaining(['worker.log', 'relay.log']));
    for (const { path, content } of logs) {
      const found = values.filter((value) => content.includes(value) || content.includes(encodeURIComponent(value)));
      expect(found, basename(path)).toEqual([]);
    }
    const holders = filesBelow(state.folder).filter(({ content }) => content.includes(secrets.namecheapKey));
    // What the test keeps for itself, and Nomad.
    expect(holders.map(({ path }) => basename(path)).toSorted()).toEqual(['nomad-variables.json', 'secrets.json']);
  });
});

function filesBelow(folder: string): { path: string; content: string }[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
    .map((path) => ({ path, content: readFileSync(path, 'latin1') }));
}
