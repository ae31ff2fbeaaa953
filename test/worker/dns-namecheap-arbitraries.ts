/** What can stand in a zone, and what can happen around it: the arbitraries of the property, with the corpus among them. */
import * as fc from 'fast-check';
import { DAY, HOUR, MINUTE, SECOND } from '../../shared/clock.ts';
import type { DesiredRecord } from '../../functions/dns/zone-requests.ts';
import type { SrvRecord } from '../emulators/namecheap/domain.ts';
import type { ApiFault } from '../emulators/namecheap/faults.ts';
import type { HostInput } from '../emulators/namecheap/host.ts';
import type { LinkFault } from './dns-namecheap.ts';
import { identity, type Identity } from './dns-namecheap-strangers.ts';

export const DOMAIN = 'example.com';
export const OWNERS = ['one', 'two', 'three'] as const;
const CHALLENGES = ['_acme-challenge', '_acme-challenge.www', '_acme-challenge.a.b'] as const;
const VALUES = ['red', 'green', 'blue', 'Zm9v-YmFy_xYz'] as const;

export interface Foreign {
  emailType: string;
  hosts: HostInput[];
}

const ttl = fc.constantFrom(60, 300, 1_799, 1_800, 3_600, 60_000);
const host = fc.constantFrom('@', 'www', 'WWW', '*', '*.dev', 'mail', 'a.b', 'b', '_dmarc', 'k1._domainkey', ...CHALLENGES);
const target = fc.constantFrom('target.example.', 'Other.Example.', 'mail.example.net.', 'parkingpage.namecheap.com.');
/** What has been lost in escaping, somewhere, at some time. */
const text = fc.oneof(
  fc.constantFrom(
    ...VALUES,
    'a+b/c==',
    'a & b < c > d',
    'he said "hi"',
    String.raw`back\slash\"q`,
    ' spaces ',
    'naïve-日本-🙂',
    '100%25 %zz %',
    ';;=;',
    "'apos' &amp; &#65;",
  ),
  fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 40 }),
  fc.string({ unit: 'grapheme-composite', minLength: 1, maxLength: 20 }).filter((value) => !/[\p{C}\p{Zl}\p{Zp}\uFFFD]/u.test(value)),
);
const row: fc.Arbitrary<HostInput> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ name: host, type: fc.constant('TXT'), address: text, ttl }) },
  { weight: 2, arbitrary: fc.record({ name: fc.constantFrom(...CHALLENGES), type: fc.constant('TXT'), address: fc.constantFrom(...VALUES), ttl }) },
  { weight: 2, arbitrary: fc.record({ name: host, type: fc.constant('A'), address: fc.constantFrom('203.0.113.9', '192.0.2.1'), ttl }) },
  { weight: 1, arbitrary: fc.record({ name: host, type: fc.constant('AAAA'), address: fc.constantFrom('2001:db8::1', '2001:DB8:0::2'), ttl }) },
  {
    weight: 2,
    arbitrary: fc.record({ name: fc.constantFrom('alias', 'shop', 'api', '_acme-challenge.shop'), type: fc.constant('CNAME'), address: target, ttl }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ name: fc.constantFrom('@', 'sub'), type: fc.constant('MX'), address: target, ttl, mxPref: fc.constantFrom(0, 1, 10, 255) }),
  },
  { weight: 1, arbitrary: fc.record({ name: fc.constantFrom('lab', 'lab2'), type: fc.constant('NS'), address: target, ttl }) },
  {
    weight: 1,
    arbitrary: fc.record({
      name: fc.constant('@'),
      type: fc.constant('CAA'),
      address: fc.constantFrom('0 issue "letsencrypt.org"', '0 issuewild ";"', '128 issue "pki.goog; a=b"'),
      ttl,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      name: fc.constantFrom('@', 'old'),
      type: fc.constantFrom('URL', 'URL301', 'FRAME'),
      address: fc.constantFrom('http://example.org/p+q/ü', 'https://shop.example/?a=1&b=2%20c&amp;#x'),
      ttl,
    }),
  },
);

const KEEPS_MX: ReadonlySet<string> = new Set(['MX', 'OX', 'GMAIL']);

/** Whether the vendor's own web page would let a zone be so: no two rows of one identity, nothing beside a CNAME, MX only where mail goes by MX. */
export function isPlausible({ emailType, hosts }: Foreign): boolean {
  const identities = new Set(hosts.map(identity));
  const aliases = new Set(hosts.filter(({ type }) => type === 'CNAME').map(({ name }) => name.toLowerCase()));
  return (
    identities.size === hosts.length &&
    hosts.every(({ name, type }) => type === 'CNAME' || !aliases.has(name.toLowerCase())) &&
    new Set(hosts.filter(({ type }) => type === 'CNAME').map(({ name }) => name)).size === hosts.filter(({ type }) => type === 'CNAME').length &&
    (KEEPS_MX.has(emailType) || hosts.every(({ type }) => type !== 'MX'))
  );
}

const arbitraryZone: fc.Arbitrary<Foreign> = fc
  .record({ emailType: fc.constantFrom('NONE', 'MX', 'MX', 'FWD', 'OX', 'GMAIL', 'MXE'), hosts: fc.array(row, { maxLength: 9 }) })
  .map(({ emailType, hosts }) => ({
    emailType,
    hosts: hosts.reduce<HostInput[]>((kept, next) => (isPlausible({ emailType, hosts: [...kept, next] }) ? [...kept, next] : kept), []),
  }));

/** `corpus/*.txt`: the record sets of real zones that may be written to. */
function corpusZones(): Foreign[] {
  const texts = import.meta.glob<string>('../unit/namecheap/corpus/{0[1-9],1[0-2],15,16}*.txt', { query: '?raw', import: 'default', eager: true });
  return Object.values(texts).map((content) => {
    const [head = '', ...lines] = content.replace(/\n$/, '').split('\n');
    const hosts = lines.map((line): HostInput => {
      const [name = '', type = '', address = '', mxPref = '', seconds = ''] = line.split('|');
      return { name, type, address, mxPref: Number(mxPref), ttl: Number(seconds) };
    });
    return { emailType: head.replace('EmailType=', ''), hosts };
  });
}

export const zone: fc.Arbitrary<Foreign> = fc.oneof({ weight: 2, arbitrary: arbitraryZone }, { weight: 1, arbitrary: fc.constantFrom(...corpusZones()) });

/** How the vendor is today. */
export const vendorMood = fc.record({
  defaultTtlReads: fc.constantFrom(1_799 as const, 1_800 as const),
  parking: fc.boolean(),
  srvCommand: fc.boolean(),
  srv: fc.constantFrom<SrvRecord[][]>([], [{ service: '_sip', protocol: '_tls', priority: 100, weight: 1, port: 443, target: 'sip.example' }]),
});

const challenge = fc.record({ name: fc.constantFrom(...CHALLENGES).map((name) => `${name}.${DOMAIN}`), value: fc.constantFrom(...VALUES) });
const DECLARABLE = [
  { type: 'A', value: '203.0.113.9' },
  { type: 'A', value: '198.51.100.1' },
  { type: 'AAAA', value: '2001:db8::1' },
  { type: 'TXT', value: 'ours & "theirs"' },
  { type: 'CAA', value: '0 issue "letsencrypt.org"' },
  { type: 'CNAME', value: 'target.example' },
] as const;
const desired: fc.Arbitrary<DesiredRecord> = fc
  .record({
    name: fc.constantFrom(DOMAIN, `www.${DOMAIN}`, `*.dev.${DOMAIN}`, `ours.${DOMAIN}`),
    kind: fc.constantFrom(...DECLARABLE),
    ttl: fc.constantFrom(300, 1_800),
  })
  .map(({ name, kind, ttl: seconds }) => ({ ...kind, name, ttl: seconds, adopt: false }));

const OURS: ReadonlySet<string> = new Set([
  ...CHALLENGES.flatMap((name) => VALUES.map((address) => identity({ name, type: 'TXT', address }))),
  ...['@', 'www', '*.dev', 'ours'].flatMap((name) => DECLARABLE.map(({ type, value }) => identity({ name, type, address: value }))),
]);

/** Whether a row is exactly one that we may want to write in some history. */
export function couldBeOurs(record: Identity): boolean {
  return OURS.has(identity(record));
}

const READ = 'getHosts';
const WRITE = 'setHosts';
const anyCommand = fc.constantFrom(READ, READ, READ, WRITE, WRITE, WRITE, WRITE, 'getInfo', 'getSRVRecords');
/** No longer than a write may take to arrive after it left (DESIGN §3). */
const travel = fc.constantFrom(SECOND, 10 * SECOND, 29 * SECOND);
/** The relay refuses what comes after the deadline. */
const lateness = fc.constantFrom(SECOND, 10 * SECOND, 29 * SECOND, 50 * SECOND);
const BACKEND_ERRORS = [3_050_900, 5_050_169, 4_022_288] as const;
const REFUSALS = [2_050_900, 1_011_150, 1_011_102, 2_030_288, 4_013_288, 2_030_166] as const;

/** Faults in which the vendor tells no lie that can be believed. */
const honestFault: fc.Arbitrary<ApiFault> = fc.oneof(
  fc.record({ kind: fc.constantFrom('html' as const, 'truncated' as const, 'request-lost' as const), command: anyCommand }),
  fc.record({ kind: fc.constantFrom('reply-lost' as const, 'not-success' as const, 'truncated' as const), command: fc.constant(WRITE) }),
  fc.record({ kind: fc.constant('delayed' as const), command: fc.constant(WRITE), delayMs: travel }),
  fc.record({
    kind: fc.constant('limited' as const),
    command: anyCommand,
    answer: fc.constantFrom('status' as const, 'envelope' as const),
    effect: fc.boolean(),
  }),
  fc.record({
    kind: fc.constant('error' as const),
    command: anyCommand,
    number: fc.constantFrom(...BACKEND_ERRORS),
    text: fc.constant('Unknown error'),
    effect: fc.boolean(),
  }),
  fc.record({ kind: fc.constant('error' as const), command: anyCommand, number: fc.constantFrom(...REFUSALS), text: fc.constant('No') }),
  fc.record({
    kind: fc.constant('garbled' as const),
    command: anyCommand,
    how: fc.constantFrom(
      'error-in-ok' as const,
      'other-domain' as const,
      'other-command' as const,
      'email-type-missing' as const,
      'email-type-empty' as const,
      'email-type-unknown' as const,
      'not-our-dns' as const,
      'two-results' as const,
      'no-result' as const,
    ),
  }),
  fc.record({
    kind: fc.constant('garbled' as const),
    command: fc.constant(READ),
    how: fc.constantFrom('unknown-attribute' as const, 'unknown-type' as const, 'bad-preference' as const, 'bad-ttl' as const),
  }),
);
/** A list that is short of rows, or the list before our last write: believable, so it comes once between true ones. */
export type Lie = 'collapsed' | 'shortened' | 'stale';
const link: fc.Arbitrary<LinkFault> = fc.oneof(
  fc.constantFrom<LinkFault>({ kind: 'request-lost' }, { kind: 'reply-lost' }),
  fc.record({ kind: fc.constant('late' as const), delayMs: lateness }),
);

const edit = fc.oneof(
  { weight: 3, arbitrary: fc.record({ edit: fc.constant('add' as const), row }) },
  { weight: 2, arbitrary: fc.record({ edit: fc.constant('remove' as const), at: fc.nat(20) }) },
  { weight: 1, arbitrary: fc.record({ edit: fc.constant('change' as const), at: fc.nat(20), row }) },
  { weight: 1, arbitrary: fc.record({ edit: fc.constant('email-type' as const), emailType: fc.constantFrom('NONE', 'MX', 'FWD', 'OX') }) },
);
export type Edit = typeof edit extends fc.Arbitrary<infer T> ? T : never;

/** Mostly so long that a write is under way, or was just read back. */
const WAITS = [SECOND, 3 * SECOND, 12 * SECOND, 12 * SECOND, MINUTE, MINUTE, 3 * MINUTE, 3 * MINUTE, HOUR, 2 * DAY];

export const step = fc.oneof(
  {
    weight: 7,
    arbitrary: fc.record({
      do: fc.constant('present' as const),
      owner: fc.constantFrom(...OWNERS),
      records: fc.uniqueArray(challenge, { minLength: 1, maxLength: 3, selector: ({ name, value }) => `${name} ${value}` }),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('clean-up' as const), owner: fc.constantFrom(...OWNERS) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('ask-again' as const), owner: fc.constantFrom(...OWNERS) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('declare' as const),
      records: fc.uniqueArray(desired, { maxLength: 3, selector: ({ name, type, value }) => `${name} ${type} ${value}` }),
    }),
  },
  {
    weight: 9,
    arbitrary: fc.record({
      do: fc.constant('wait' as const),
      milliseconds: fc.constantFrom(...WAITS),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('edit' as const), edit }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('edit-before-read' as const), edit }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('fault' as const), fault: honestFault }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('lie' as const), lie: fc.constantFrom<Lie[]>('collapsed', 'shortened', 'stale') }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('link' as const), fault: link }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('die' as const), when: fc.constantFrom('before' as const, 'after' as const), calls: fc.nat(3) }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('die-writing' as const), travelling: fc.constantFrom('to-relay' as const, 'to-vendor' as const), delayMs: travel }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const) }) },
);
export type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;
