/** Namecheap as a vendor of whole zones: where names live, what an alias is, and what errors say to do. */
import { describe, expect, it } from 'vitest';
import { MINUTE, SECOND } from '../../shared/clock.ts';
import { PerennialError } from '../../shared/errors.ts';
import type { DnsQuestion, DnsResult } from '../../shared/relay/contract.ts';
import { createNamecheapProvider } from '../../functions/dns/namecheap/provider.ts';
import type { NamecheapRelay } from '../../functions/dns/namecheap/relay.ts';
import type { TableProvider } from '../../functions/dns/provider.ts';
import { NamecheapAccount } from './dns-namecheap.ts';

const VENDOR = { name: 'registrar', provider: 'namecheap' as const, user: 'example', egress: 'matrix' };
const ZONE = { id: 'example/example.co.uk', name: 'example.co.uk' };

function account(...names: string[]): NamecheapAccount {
  return new NamecheapAccount({ domains: names.map((name) => ({ name, hosts: [], emailType: 'NONE' })) });
}

function providerOf(vendor: NamecheapAccount, over: Partial<NamecheapRelay> = {}): TableProvider {
  return createNamecheapProvider(VENDOR, { ...vendor.relay, ...over }, () => vendor.now);
}

const refusing = (code: string, retryable = true) => ({ write: () => Promise.reject(new PerennialError(code, 'Said by the relay.', { retryable })) });

describe('the zone of a name', () => {
  it('is the longest listed domain that it lies in, by whole labels, asked for once in a while', async () => {
    const vendor = account('example.co.uk', 'lab.example.co.uk', 'xn--bcher-kva.example');
    let asked = 0;
    const provider = providerOf(vendor, { account: (name) => vendor.relay.account(name).finally(() => (asked += 1)) });
    expect(await provider.findZone('_acme-challenge.www.example.co.uk')).toEqual(ZONE);
    expect(await provider.findZone('a.lab.example.co.uk')).toMatchObject({ name: 'lab.example.co.uk' });
    expect(await provider.findZone('xn--bcher-kva.example')).toMatchObject({ id: 'example/xn--bcher-kva.example' });
    await expect(provider.findZone('notexample.co.uk')).rejects.toMatchObject({ code: 'dns_zone_not_found', hint: expect.stringContaining('law') });
    expect(asked).toBe(1);
    vendor.now += 10 * MINUTE;
    await provider.findZone('example.co.uk');
    expect(asked).toBe(2);
    expect(vendor.emulator.requests.all()).toEqual([]);
  });
});

describe('an alias', () => {
  const answering = (target: (name: string) => string | null) => ({
    authoritative: (questions: DnsQuestion[]): Promise<DnsResult[]> =>
      Promise.resolve(
        questions.map(({ name, type }) => {
          const found = target(name);
          const answer = found === null ? { status: 'nxdomain' as const, values: [] } : { status: 'answer' as const, values: [found] };
          return { name, type, zone: ZONE.name, servers: [{ server: 'dns1.registrar-servers.com', address: '192.0.2.1', cname: null, ...answer }] };
        }),
      ),
  });
  const names = ['_acme-challenge.example.co.uk', '_acme-challenge.www.example.co.uk'];

  it('is one that stands at exactly the name', async () => {
    const provider = providerOf(
      account(ZONE.name),
      answering((name) => (name === names[0] ? 'X.Acme.example.net.' : null)),
    );
    expect([...(await provider.aliases(ZONE, names))]).toEqual([[names[0], 'x.acme.example.net']]);
  });

  it('is not what a wildcard makes of every name, and is one beside it when it leads elsewhere', async () => {
    const wild = (name: string) => (name === names[1] ? 'delegated.example.net' : 'everything.example.net');
    expect([...(await providerOf(account(ZONE.name), answering(wild)).aliases(ZONE, names))]).toEqual([[names[1], 'delegated.example.net']]);
  });

  it('is not denied when no server can be asked', async () => {
    const silent = (questions: DnsQuestion[]) => Promise.resolve(questions.map(({ name, type }): DnsResult => ({ name, type, zone: null, servers: [] })));
    await expect(providerOf(account(ZONE.name), { authoritative: silent }).aliases(ZONE, names)).rejects.toMatchObject({
      code: 'dns_unreachable',
      retryable: true,
    });
  });

  it('is asked about in requests that a relay takes', async () => {
    const sizes: number[] = [];
    const { authoritative } = answering(() => null);
    const counted = (questions: DnsQuestion[]) => {
      sizes.push(questions.length);
      return authoritative(questions);
    };
    const many = Array.from({ length: 20 }, (_, index) => `_acme-challenge.n${index}.example.co.uk`);
    expect(await providerOf(account(ZONE.name), { authoritative: counted }).aliases(ZONE, many)).toEqual(new Map());
    expect(Math.max(...sizes)).toBeLessThanOrEqual(16);
  });
});

describe('a write that fails', () => {
  const change = { expect: { domain: ZONE.name, emailType: 'NONE' as const, rows: [] }, write: { domain: ZONE.name, emailType: 'NONE' as const, rows: [] } };

  it.each(['relay_timeout', 'relay_disconnected', 'namecheap_in_doubt', 'relay_protocol', 'something_new'])('with %s may take effect still', async (code) => {
    const provider = providerOf(account(ZONE.name), refusing(code, false));
    await expect(provider.replace(ZONE, change, 0)).rejects.toMatchObject({ inDoubt: true, retryable: true });
  });

  it.each([
    ['relay_offline', 'dns_relay_missing'],
    ['relay_too_old', 'dns_relay_missing'],
    ['namecheap_changed', 'dns_zone_changed'],
    ['namecheap_change_not_allowed', 'dns_change_not_allowed'],
    ['namecheap_rate_limited', 'dns_rate_limited'],
    ['namecheap_unreadable', 'dns_zone_unreadable'],
    ['namecheap_key_missing', 'dns_unauthorized'],
    ['nomad_unavailable', 'dns_unreachable'],
  ])('with %s was never sent, and is %s', async (code, expected) => {
    const provider = providerOf(account(ZONE.name), refusing(code));
    await expect(provider.replace(ZONE, change, 0)).rejects.toMatchObject({ code: expected, inDoubt: false });
  });

  it('by what the vendor says is in doubt unless it says that nothing was written', async () => {
    const vendor = account(ZONE.name);
    const provider = providerOf(vendor);
    vendor.emulator.faults.next({ kind: 'limited', command: 'setHosts' });
    await expect(provider.replace(ZONE, change, vendor.now + 30 * SECOND)).rejects.toMatchObject({
      code: 'dns_rate_limited',
      inDoubt: true,
      retryAt: vendor.now + MINUTE,
    });
    vendor.emulator.faults.next({ kind: 'error', number: 2_050_900, text: 'Record has incorrect value.', command: 'setHosts' });
    await expect(provider.replace(ZONE, change, vendor.now + 30 * SECOND)).rejects.toMatchObject({ code: 'dns_refused', inDoubt: false });
    vendor.emulator.faults.next({ kind: 'error', number: 3_031_510, text: 'Error from Enom.', command: 'setHosts' });
    await expect(provider.replace(ZONE, change, vendor.now + 30 * SECOND)).rejects.toMatchObject({ code: 'dns_vendor_failed', inDoubt: true });
  });
});

describe('a vendor that does not let us in', () => {
  it('names the address that must be listed and the page for it, with either of its numbers', async () => {
    const vendor = account(ZONE.name);
    const page = 'https://ap.www.namecheap.com/settings/tools/apiaccess/whitelisted-ips';
    for (const [number, code] of [
      [1_011_150, 'dns_address_not_listed'],
      [1_011_102, 'dns_unauthorized'],
    ] as const) {
      vendor.emulator.faults.next({ kind: 'error', number, text: 'Refused.' });
      const failure: unknown = await providerOf(vendor)
        .read(ZONE)
        .catch((thrown: unknown) => thrown);
      expect(failure).toMatchObject({ code, retryable: false, hint: expect.stringContaining(page) });
      expect(failure).toMatchObject({ hint: expect.stringContaining('203.0.113.7') });
    }
  });

  it('because the name servers are elsewhere says what else can be done', async () => {
    const vendor = account(ZONE.name);
    vendor.emulator.domain(ZONE.name).dns = 'custom';
    const provider = providerOf(vendor);
    for (const call of [provider.survey(ZONE), provider.read(ZONE)])
      await expect(call).rejects.toMatchObject({ code: 'dns_not_delegated', retryable: false, hint: expect.stringMatching(/\[dns\.x\] block.*CNAME/) });
  });
});
