/** What a declared record is to hold now, from what is known of its source; and which zone is told what. */
import { describe, expect, it } from 'vitest';
import type { CloudflareVendor, DeclaredRecord } from '../../../functions/config/configuration.ts';
import { managedCaa } from '../../../functions/records/managed-caa.ts';
import type { FoundZone } from '../../../functions/records/ports.ts';
import { resolve, sourcesOf, type KnownSource } from '../../../functions/records/sources.ts';
import { declarationsOf, type PlacedDeclaration } from '../../../functions/records/zone-declarations.ts';
import { canonicalValue } from '../../../functions/config/record-values.ts';

const ACCOUNT = 'https://ca.example/acct/7';
const PARAMETERS = `accounturi=${ACCOUNT}; validationmethods=dns-01`;

describe('managed CAA', () => {
  it('lets exactly our account issue, names and wildcards, by DNS challenges only', () => {
    expect(managedCaa('ca', { identities: ['CA.example', 'pki.example'], accountUrl: ACCOUNT })).toEqual({
      values: [
        `0 issue "ca.example; ${PARAMETERS}"`,
        `0 issuewild "ca.example; ${PARAMETERS}"`,
        `0 issue "pki.example; ${PARAMETERS}"`,
        `0 issuewild "pki.example; ${PARAMETERS}"`,
      ],
    });
  });

  it('is written in the form that a value of the file takes as well', () => {
    const made = managedCaa('ca', { identities: ['ca.example'], accountUrl: ACCOUNT });
    for (const value of 'values' in made ? made.values : []) expect(canonicalValue('CAA', value)).toBe(value);
  });

  it.each([
    ['no account', { identities: ['ca.example'], accountUrl: null }, 'No account is registered at ca yet'],
    ['no names', { identities: [], accountUrl: ACCOUNT }, 'write in [ca.ca]: caa = ["…"]'],
    ['names that are none', { identities: ['ca.example; x', '"'], accountUrl: ACCOUNT }, 'caaIdentities'],
    ['an account URL with a semicolon', { identities: ['ca.example'], accountUrl: `${ACCOUNT};x` }, 'does not fit'],
    ['an account URL with a quote', { identities: ['ca.example'], accountUrl: `${ACCOUNT}"` }, 'does not fit'],
  ])('cannot be made with %s', (_case, identity, why) => {
    expect(managedCaa('ca', identity)).toEqual({ why: expect.stringContaining(why) });
  });
});

const of = (source: DeclaredRecord['source'], more: Partial<DeclaredRecord> = {}): DeclaredRecord => ({
  name: 'a.example.net',
  type: 'A',
  source,
  ttl: 300,
  adopt: false,
  ...more,
});
const INSTANCES = of({ kind: 'instances', cluster: 'main', service: 'traefik', namespace: 'default' });
const CAA = of({ kind: 'authorities', authorities: ['one', 'two'] }, { type: 'CAA' });
const at = { askAt: 0, failures: 0, why: null };
const authority = (name: string, accountUrl: string | null = ACCOUNT): KnownSource => ({
  kind: 'authority',
  identity: { identities: [`${name}.example`], accountUrl },
  ...at,
});

describe('a record', () => {
  it('asks each source once, whoever follows it', () => {
    expect(sourcesOf([INSTANCES, { ...INSTANCES, type: 'AAAA' }, CAA, of({ kind: 'values', values: ['192.0.2.1'] })]).map(({ key }) => key)).toEqual([
      'instances main default traefik',
      'authority one',
      'authority two',
    ]);
  });

  it('holds what is written', () => {
    expect(resolve(of({ kind: 'values', values: ['192.0.2.1'] }), () => undefined)).toEqual({ values: ['192.0.2.1'] });
  });

  it('holds the addresses of its family', () => {
    const known: KnownSource = { kind: 'instances', followed: [{ address: '192.0.2.1', missingSince: null }], ...at };
    expect(resolve(INSTANCES, () => known)).toEqual({ values: ['192.0.2.1'] });
    expect(resolve({ ...INSTANCES, type: 'AAAA' }, () => known)).toEqual({ held: 'No instance of traefik in main with an IPv6 address is healthy.' });
  });

  it('is held while the relay cannot be asked, whatever was known', () => {
    const known: KnownSource = {
      kind: 'instances',
      followed: [{ address: '192.0.2.1', missingSince: null }],
      ...at,
      failures: 1,
      why: 'No relay is connected.',
    };
    expect(resolve(INSTANCES, () => known)).toEqual({ held: expect.stringContaining('No relay is connected.') });
    expect(resolve(INSTANCES, () => undefined)).toEqual({ held: expect.stringContaining('not been asked') });
  });

  it('holds CAA for all its CAs or is held: one less would shut that one out', () => {
    const both = resolve(CAA, (key) => authority(key.replace('authority ', '')));
    expect('values' in both && both.values).toHaveLength(4);
    expect(resolve(CAA, (key) => authority('one', key === 'authority one' ? ACCOUNT : null))).toEqual({
      held: expect.stringContaining('No account is registered at two'),
    });
    expect(resolve(CAA, (key) => (key === 'authority one' ? authority('one') : undefined))).toEqual({ held: 'two has not been asked yet.' });
  });

  it('keeps the CAA that is known while a CA cannot be asked', () => {
    expect(resolve(CAA, () => ({ ...authority('one'), failures: 3, why: 'It is down.' }))).toMatchObject({ values: [expect.anything(), expect.anything()] });
  });
});

const vendor: CloudflareVendor = { name: 'main', provider: 'cloudflare', token: 'secret:token', endpoint: null, zoneId: null, delegation: null };
const zone = (name: string, more: Partial<CloudflareVendor> = {}): FoundZone => ({ vendor: { ...vendor, ...more }, zone: { id: `id-${name}`, name } });
const NET = zone('example.net');
const declared = (name: string, place: FoundZone | null, resolved: PlacedDeclaration['resolved'] = { values: ['192.0.2.1'] }): PlacedDeclaration => ({
  record: of({ kind: 'values', values: ['192.0.2.1'] }, { name }),
  resolved,
  place,
});

describe('a zone', () => {
  it('is told its own records, with the reasons for those that are held', () => {
    const requests = declarationsOf(
      [declared('a.example.net', NET), declared('b.example.net', NET, { held: 'why' }), declared('example.org', zone('example.org'))],
      [],
      3,
    );
    expect([...requests.keys()]).toEqual(['cloudflare:id-example.net', 'cloudflare:id-example.org']);
    expect(requests.get('cloudflare:id-example.net')).toEqual({
      ...NET,
      generation: 3,
      records: [{ type: 'A', name: 'a.example.net', value: '192.0.2.1', ttl: 300, adopt: false }],
      held: [{ type: 'A', name: 'b.example.net', why: 'why' }],
    });
  });

  it('that has lost its last record is told so, through the block that reached it', () => {
    expect(declarationsOf([], [NET], 3).get('cloudflare:id-example.net')).toEqual({ ...NET, generation: 3, records: [], held: [] });
  });

  it('is told through the block that reaches it now', () => {
    const renamed = zone('example.net', { name: 'newer' });
    expect(declarationsOf([declared('a.example.net', renamed)], [NET], 3).get('cloudflare:id-example.net')).toMatchObject({ vendor: { name: 'newer' } });
  });

  it('that may hold a record which nobody can place keeps what stands there', () => {
    const requests = declarationsOf([declared('a.example.net', null)], [NET, zone('ample.net'), zone('example.org')], 3);
    expect([...requests].map(([key, { records, held }]) => [key, records.length, held.length])).toEqual([
      ['cloudflare:id-example.net', 0, 1],
      ['cloudflare:id-ample.net', 0, 0],
      ['cloudflare:id-example.org', 0, 0],
    ]);
  });
});
