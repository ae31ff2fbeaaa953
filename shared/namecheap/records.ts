/**
 * Rows of a host list as DNS records, and back: full names instead of relative ones, values as DNS serves them (TXT as it
 * is, CAA as `0 issue "ca.example"`, addresses in their shortest form, targets in lower case without trailing dot).
 */
import { namecheapError } from './failures.ts';
import type { HostRow } from './host-table.ts';
import { canonicalAddress, parseCaa } from './values.ts';

export const RECORD_TYPES = ['A', 'AAAA', 'CAA', 'CNAME', 'TXT'] as const;
export type HostRecordType = (typeof RECORD_TYPES)[number];

export interface HostRecord {
  type: HostRecordType;
  /** Lower-case A-labels without trailing dot. */
  name: string;
  value: string;
  /** Seconds. */
  ttl: number;
}

/** What the vendor stores for rows that are no MX, whatever is sent. */
const PREFERENCE_OF_OTHERS = 10;

/** Null for a type that is no record of DNS (URL, FRAME, MXE) or none that we handle (MX, NS, ALIAS). */
export function toRecord(row: HostRow, domain: string): HostRecord | null {
  const type = RECORD_TYPES.find((known) => known === row.type);
  return type === undefined ? null : { type, name: fullName(row.name, domain), value: served(type, row.address), ttl: row.ttl };
}

/** @throws PerennialError `namecheap_record_refused` for a name outside of the domain or a CAA value that is none. */
export function toRow({ type, name, value, ttl }: HostRecord, domain: string): HostRow {
  return { name: relativeName(name, domain), type, address: stored(type, value, name), mxPref: PREFERENCE_OF_OTHERS, ttl };
}

export function fullName(host: string, domain: string): string {
  return host === '@' ? domain : `${host.toLowerCase()}.${domain}`;
}

/** @throws PerennialError `namecheap_record_refused` */
export function relativeName(name: string, domain: string): string {
  if (name === domain) return '@';
  if (name.endsWith(`.${domain}`)) return name.slice(0, -domain.length - 1);
  throw namecheapError('namecheap_record_refused', `${name} does not lie in ${domain}.`);
}

function served(type: HostRecordType, address: string): string {
  switch (type) {
    case 'CNAME':
      return address.toLowerCase().replace(/\.$/, '');
    case 'CAA':
      return parseCaa(address) ?? address;
    case 'AAAA':
      return canonicalAddress(address);
    case 'A':
    case 'TXT':
      return address;
  }
}

function stored(type: HostRecordType, value: string, name: string): string {
  if (type === 'CNAME') return value.endsWith('.') ? value : `${value}.`;
  if (type !== 'CAA') return type === 'AAAA' ? canonicalAddress(value) : value;
  const caa = parseCaa(value);
  if (caa === null) throw namecheapError('namecheap_record_refused', `The CAA record of ${name} is not of the form 0 issue "ca.example".`);
  return caa;
}
