/** What the API takes as a host, with its refusals, and what it makes of it before it is stored. */
import { isIPv4, isIPv6 } from 'node:net';
import { ApiFailure } from './failure.ts';
import { AUTOMATIC_TTL, FIXED_PREFERENCE, type HostInput } from './host.ts';

export const EMAIL_TYPES = ['NONE', 'MXE', 'MX', 'FWD', 'OX', 'GMAIL'] as const;
const TYPES: ReadonlySet<string> = new Set(['A', 'AAAA', 'ALIAS', 'CAA', 'CNAME', 'MX', 'MXE', 'NS', 'TXT', 'URL', 'URL301', 'FRAME']);
const TARGETS: ReadonlySet<string> = new Set(['CNAME', 'ALIAS', 'NS', 'MX']);
const REDIRECTS: ReadonlySet<string> = new Set(['URL', 'URL301', 'FRAME']);
/** Mail routing under which rows of type MX are dropped in silence; the hosted kinds bring their own. */
const WITHOUT_MX: ReadonlySet<string> = new Set(['NONE', 'FWD', 'MXE']);
const HOST_NAME = /^(?=.{1,253}\.?$)(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.)*[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.?$/;
const CAA = /^(\d{1,3}) (issue|issuewild|iodef) (?:"([^"]*)"|([^\s"]\S*))$/;
const MAX = { hosts: 150, name: 60, target: 255, txt: 2_500, ttl: 60_000, preference: 255 } as const;
const MIN_TTL = 60;

/** Where what the vendor does differs between reports, or is not documented. */
export interface Normalisation {
  /** What it answers for a TTL of 1800 seconds, its default. */
  defaultTtlReads: 1_799 | 1_800;
}

/** @throws ApiFailure for the first row at fault; nothing is stored then. */
export function checkHosts(hosts: readonly HostInput[], domain: string): void {
  if (hosts.length > MAX.hosts) throw new ApiFailure(4_013_288, 'Too many records');
  for (const host of hosts) checkHost(host, domain);
  const aliases = new Set(hosts.filter(({ type }) => type === 'CNAME').map(({ name }) => name.toLowerCase()));
  const collision = hosts.find(({ name, type }) => type !== 'CNAME' && aliases.has(name.toLowerCase()));
  if (collision !== undefined) throw invalid(collision, 'conflicts with a CNAME record of the same host.');
}

function checkHost(host: HostInput, domain: string): void {
  const { name, type, address, mxPref = FIXED_PREFERENCE, ttl = AUTOMATIC_TTL } = host;
  if (!TYPES.has(type)) throw new ApiFailure(2_050_900, `Record type ${type} is not supported.`);
  if (!nameFits(name, domain)) throw invalid(host, 'has incorrect host name.');
  if (!(ttl >= MIN_TTL && ttl <= MAX.ttl)) throw invalid(host, 'has incorrect TTL.');
  if (!(mxPref >= 0 && mxPref <= MAX.preference)) throw invalid(host, 'has incorrect MX preference.');
  if (!addressFits(type, address)) throw type === 'CAA' ? caaFailure(address) : invalid(host, 'has incorrect value.');
}

function nameFits(name: string, domain: string): boolean {
  if (name === '@' || name === '*' || name.toLowerCase() === domain) return true;
  return name.length <= MAX.name && HOST_NAME.test(name.replace(/^\*\./, ''));
}

function addressFits(type: string, address: string): boolean {
  if (address === '' || /\p{Cc}/u.test(address)) return false;
  if (type === 'A' || type === 'MXE') return isIPv4(address);
  if (type === 'AAAA') return isIPv6(address);
  if (type === 'TXT') return address.length <= MAX.txt;
  if (type === 'CAA') return CAA.test(address) && Number.parseInt(address, 10) <= 255;
  if (address.length > MAX.target) return false;
  return REDIRECTS.has(type) ? /^https?:\/\/\S+$/i.test(address) : HOST_NAME.test(address);
}

function caaFailure(address: string): ApiFailure {
  return new ApiFailure(2_050_900, `CAA record with tag "${/^\S+ (\S+)/.exec(address)?.[1] ?? ''}" has incorrect value.`);
}

function invalid({ name, type }: HostInput, what: string): ApiFailure {
  return new ApiFailure(2_050_900, `${type} record for host "${name}" ${what}`);
}

/** The rows as they are stored: completed, put in one form, some dropped, in the vendor's order of type and name. */
export function normalised(hosts: readonly HostInput[], emailType: string, { defaultTtlReads }: Normalisation): HostInput[] {
  const seen = new Set<string>();
  const kept = hosts
    .filter(({ type }) => !(type === 'MX' && WITHOUT_MX.has(emailType)))
    .map(({ name, type, address, mxPref = FIXED_PREFERENCE, ttl = AUTOMATIC_TTL }) => ({
      name,
      type,
      address: storedAddress(type, address),
      mxPref: type === 'MX' ? mxPref : FIXED_PREFERENCE,
      ttl: ttl === 1_800 ? defaultTtlReads : ttl,
    }))
    .filter((host) => {
      // Two MX rows with one target collapse into the first; of other rows only exact repetitions do.
      const identity = [host.name.toLowerCase(), host.type, host.address, ...(host.type === 'MX' ? [] : [host.ttl])].join('\n');
      return !seen.has(identity) && seen.add(identity);
    });
  return inVendorOrder(kept);
}

function storedAddress(type: string, address: string): string {
  if (TARGETS.has(type)) return address.endsWith('.') ? address : `${address}.`;
  if (type !== 'CAA') return address;
  const [, flags, tag, quoted, bare] = CAA.exec(address) ?? [];
  return `${flags} ${tag} "${quoted ?? bare ?? ''}"`;
}

export function inVendorOrder<T extends HostInput>(hosts: readonly T[]): T[] {
  const key = ({ type, name }: HostInput) => `${type}\n${name.toLowerCase()}`;
  return hosts.toSorted((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0));
}
