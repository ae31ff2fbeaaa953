/**
 * The port to a DNS vendor (DESIGN §6). One folder per vendor implements it; `createProvider` picks the folder.
 *
 * Names are lower-case A-labels without trailing dot. Values are what DNS serves: TXT joined and unquoted.
 * Every method throws {@link DnsError} and makes no retry of its own: the callers wait by alarm.
 */
import { z } from 'zod';
import type { DnsError } from './dns-error.ts';

export const recordTypeSchema = z.enum(['A', 'AAAA', 'CNAME', 'TXT']);
export type RecordType = z.infer<typeof recordTypeSchema>;

export interface Zone {
  /** The vendor's id. */
  id: string;
  name: string;
}

export interface DnsRecord {
  type: RecordType;
  name: string;
  value: string;
}

export interface NewRecord extends DnsRecord {
  /** Seconds. */
  ttl: number;
  /** Who wrote it, for people and for us; vendors without comments drop it. */
  comment: string;
}

/** A record as the vendor holds it. */
export interface ListedRecord extends DnsRecord {
  /** The vendor's id of the record, where it has lasting ones. */
  id: string | null;
  /** Null when the vendor keeps no comments, empty when this record has none. */
  comment: string | null;
}

export interface ZoneChange {
  add: readonly NewRecord[];
  /** As listed: the exact record, never "all of that name". */
  remove: readonly ListedRecord[];
}

export interface ChangeResult {
  /** Added records that exist now, also those that somebody had added in the meantime (told apart by id and comment). */
  added: ListedRecord[];
  /** Single records the vendor refused; every other part of the change took effect. */
  refused: { record: DnsRecord; error: DnsError }[];
}

export interface DnsProvider {
  /**
   * The zone that holds `name`: the longest one that the credentials can see and the vendor serves.
   * @throws DnsError `dns_zone_not_found` with the names tried, `dns_zone_inactive`.
   */
  findZone(name: string): Promise<Zone>;
  list(zone: Zone, filter: { type: RecordType; names: readonly string[] }): Promise<ListedRecord[]>;
  /**
   * Adds and removes exactly these records, in one transaction where the vendor has one.
   * @param deadline Unix ms after which no further request is sent (DESIGN §3: at most 60 s ahead).
   * @throws DnsError when the outcome of the whole change is unknown or nothing happened; read the zone before acting again.
   */
  apply(zone: Zone, change: ZoneChange, deadline: number): Promise<ChangeResult>;
}

/** Reads a `secret:<name>` reference; the SecretStore implements it. */
export type SecretReader = (reference: string) => Promise<string>;

const MAX_COMMENT_CHARACTERS = 100;

/** The comment that marks a record as written for `owner`, within the 100 characters of Cloudflare's Free plan. */
export function ownershipComment(owner: string): string {
  return `perennial ${owner}`.slice(0, MAX_COMMENT_CHARACTERS);
}

/** Identity of a record in DNS: same owner name, type and value. */
export function recordKey({ type, name, value }: DnsRecord): string {
  return `${type} ${name} ${value}`;
}
