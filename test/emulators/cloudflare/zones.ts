/** The zones of the account, and how their changes reach DNS: only an active zone is published. */
import { createHash } from 'node:crypto';
import type { Clock } from '../../../shared/clock.ts';
import type { DnsWorld, RecordInput } from '../dns/index.ts';
import { parseRecordBody, type RecordBody } from './record-rules.ts';
import { RecordStore, type ConflictRules, type StoredRecord } from './record-store.ts';

export type ZoneStatus = 'active' | 'initializing' | 'pending' | 'moved';

/** The one account of all zones. */
export const ACCOUNT_ID = '0'.repeat(32);

export interface CloudflareZoneSpec {
  name: string;
  /** 32 hexadecimal digits; derived from the name when absent. */
  id?: string;
  status?: ZoneStatus;
  nameServers?: readonly string[];
  /** Name servers under the user's own names. */
  vanityNameServers?: readonly string[];
  /** `full` by default. Only full zones are published here. */
  type?: 'full' | 'partial' | 'secondary';
  autoQuoteTxt?: boolean;
  /** Records that are there from the start: somebody else's, for the tests that watch over them. */
  records?: readonly RecordBody[];
}

/** Where published changes go. */
export interface ZonePublisher {
  publish(zone: string, change: { add: RecordInput[]; remove: RecordInput[] }): void;
}

/** Publishes into zones of a {@link DnsWorld} that carry the same names. */
export function intoDnsWorld(world: DnsWorld): ZonePublisher {
  return { publish: (zone, change) => world.change(zone, 'cloudflare', change) };
}

export class Zone {
  readonly id: string;
  readonly name: string;
  readonly store: RecordStore;
  readonly createdOn: string;
  readonly nameServers: readonly string[];
  readonly #vanityNameServers: readonly string[];
  readonly #type: NonNullable<CloudflareZoneSpec['type']>;
  readonly #publisher: ZonePublisher | undefined;
  #status: ZoneStatus;

  constructor(spec: CloudflareZoneSpec, conflicts: ConflictRules, clock: Clock, publisher: ZonePublisher | undefined) {
    this.name = spec.name.toLowerCase();
    this.id = spec.id ?? createHash('sha256').update(this.name).digest('hex').slice(0, 32);
    this.createdOn = new Date(clock()).toISOString();
    this.nameServers = spec.nameServers ?? ['ada.ns.cloudflare.com', 'bob.ns.cloudflare.com'];
    this.#status = spec.status ?? 'active';
    this.#vanityNameServers = spec.vanityNameServers ?? [];
    this.#type = spec.type ?? 'full';
    this.#publisher = this.#type === 'full' ? publisher : undefined;
    const rules = { zone: this.name, autoQuoteTxt: spec.autoQuoteTxt ?? false, ...conflicts };
    this.store = new RecordStore(rules, clock, (change) => {
      if (this.#status === 'active') this.#publisher?.publish(this.name, change);
    });
    this.store.apply((spec.records ?? []).map((record) => ({ kind: 'post', body: parseRecordBody(record) })));
  }

  get status(): ZoneStatus {
    return this.#status;
  }

  /** Activating a zone publishes all of it; deactivating takes all of it back. */
  setStatus(status: ZoneStatus): void {
    const published = this.store.all().map((record) => record.published);
    if (status === 'active' && this.#status !== 'active') this.#publisher?.publish(this.name, { add: published, remove: [] });
    if (status !== 'active' && this.#status === 'active') this.#publisher?.publish(this.name, { add: [], remove: published });
    this.#status = status;
  }

  toJson(): Record<string, unknown> {
    return {
      id: this.id,
      name: this.name,
      status: this.#status,
      paused: false,
      type: this.#type,
      development_mode: 0,
      name_servers: this.nameServers,
      ...(this.#vanityNameServers.length === 0 ? {} : { vanity_name_servers: this.#vanityNameServers }),
      original_name_servers: null,
      original_registrar: null,
      original_dnshost: null,
      created_on: this.createdOn,
      modified_on: this.createdOn,
      activated_on: this.#status === 'pending' ? null : this.createdOn,
      meta: { step: 2, custom_certificate_quota: 0, page_rule_quota: 3, phishing_detected: false },
      owner: { id: null, type: 'user', email: null },
      account: { id: ACCOUNT_ID, name: 'Test account' },
      permissions: ['#dns_records:edit', '#dns_records:read', '#zone:read'],
      plan: { id: '0feeeeeeeeeeeeeeeeeeeeeeeeeeeeee', name: 'Free Website', price: 0, currency: 'USD', is_subscribed: false, legacy_id: 'free' },
    };
  }
}

export function recordJson(record: StoredRecord): Record<string, unknown> {
  return {
    id: record.id,
    name: record.name,
    type: record.type,
    content: record.content,
    proxiable: record.type === 'A' || record.type === 'AAAA' || record.type === 'CNAME',
    proxied: record.proxied,
    ttl: record.ttl,
    settings: {},
    meta: {},
    comment: record.comment,
    tags: [],
    created_on: record.createdOn,
    modified_on: record.modifiedOn,
    ...(record.priority === null ? {} : { priority: record.priority }),
    ...(record.data === null ? {} : { data: record.data }),
  };
}
