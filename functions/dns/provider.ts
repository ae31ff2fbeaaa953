/**
 * The port to a DNS vendor (DESIGN §6). One folder per vendor implements it; `createProvider` picks the folder.
 *
 * Names are lower-case A-labels without trailing dot. Values are what DNS serves: TXT joined and unquoted, CAA as
 * `0 issue "ca.example"`, addresses in their shortest form, targets without trailing dot.
 *
 * Vendors come in two kinds. One changes single records ({@link RecordProvider}). The other replaces a zone as a whole
 * ({@link TableProvider}), and whoever does that carelessly loses a stranger's mail: only a ZoneObject may.
 * Every method throws {@link DnsError} and makes no retry of its own: the callers wait by alarm.
 */
import { z } from 'zod';
import type { HostTable, SrvRow } from '../../shared/namecheap/host-table.ts';
import type { DnsError } from './dns-error.ts';

export const recordTypeSchema = z.enum(['A', 'AAAA', 'CAA', 'CNAME', 'TXT']);
export type RecordType = z.infer<typeof recordTypeSchema>;

export interface Zone {
  /** The vendor's id. */
  id: string;
  name: string;
  /** Neither the vendor nor anything in the zone says its name: it may be another zone than that of the name asked for. */
  assumed?: boolean;
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
  /** Seconds; null when the vendor does not say. */
  ttl: number | null;
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

/** Where names live at a vendor: the read-only half, which needs no lock. */
export interface ZoneLocator {
  /**
   * The zone that holds `name`: the longest one that the credentials can see and the vendor serves.
   * @throws DnsError `dns_zone_not_found` with the names tried, `dns_zone_inactive`.
   */
  findZone(name: string): Promise<Zone>;
  /** CNAMEs that stand at exactly these names of the zone: name → target. Wildcards do not count. */
  aliases(zone: Zone, names: readonly string[]): Promise<ReadonlyMap<string, string>>;
}

/** A vendor that changes single records. */
export interface RecordProvider extends ZoneLocator {
  readonly kind: 'records';
  list(zone: Zone, filter: { type: RecordType; names: readonly string[] }): Promise<ListedRecord[]>;
  /**
   * Adds and removes exactly these records, in one transaction where the vendor has one.
   * @param deadline Unix ms after which no further request is sent (DESIGN §3: at most 60 s ahead).
   * @throws DnsError when the outcome of the whole change is unknown or nothing happened; read the zone before acting again.
   */
  apply(zone: Zone, change: ZoneChange, deadline: number): Promise<ChangeResult>;
  /** Name servers that the registrar must name for this zone; null when the vendor does not say. */
  nameServers(zone: Zone): Promise<string[] | null>;
  /** Whether the credentials may read and write records of this zone; changes nothing. @throws DnsError that says what they lack. */
  check(zone: Zone): Promise<void>;
}

/** What a vendor that replaces whole zones says about one before anything is written. */
export interface ZoneSurvey {
  nameServers: string[];
  /** Reasons why nothing may be written, as sentences for people; empty when it may. */
  obstacles: string[];
}

/** A reply of the vendor that was read strictly, with its text for the snapshot. */
export interface ReadTable {
  table: HostTable;
  text: string;
}

/** A vendor that replaces a zone as a whole. Each method is one call of the vendor's budget, `replace` is two. */
export interface TableProvider extends ZoneLocator {
  readonly kind: 'table';
  survey(zone: Zone): Promise<ZoneSurvey>;
  /** @throws DnsError `dns_zone_unreadable` when anything in the reply could not be written back as it is. */
  read(zone: Zone): Promise<ReadTable>;
  /** The side list of SRV records; null when the vendor does not answer for it. */
  readSrv(zone: Zone): Promise<SrvRow[] | null>;
  /**
   * Replaces the zone if it still is `expect`.
   * @throws DnsError `dns_zone_changed` when it is not, or another one with `inDoubt` telling whether it may take effect.
   */
  replace(zone: Zone, change: { expect: HostTable; write: HostTable }, deadline: number): Promise<void>;
}

export type DnsProvider = RecordProvider | TableProvider;

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
