/**
 * What must hold at every step, whatever the weather. Each law is looked at where it could be broken: as a call leaves,
 * as a write becomes durable, as an alarm rings.
 */
import type { Mortal } from './outside.ts';
import { Instance, type Host } from './runtime.ts';
import type { CaOrder } from './world/ca-records.ts';
import type { SimulatedCa } from './world/ca.ts';
import type { SimulatedZone, ZoneRecord } from './world/dns.ts';
import type { SimulatedNomad } from './world/nomad.ts';
import type { World } from './world/world.ts';

/** Alarms of one object within one simulated second, and within an hour: more is a loop that only burns requests. */
const MOST_ALARMS_A_SECOND = 15;
const MOST_ALARMS_AN_HOUR = 400;
/** Characters of one stored document. */
const LARGEST_DOCUMENT = 200_000;
const MOST_ROWS = 400;
/** What never became live may be tried again by itself after this long, ms: a rolled back pair holds the next one back at least so long. */
const LEAST_HOLD_MS = 3_600_000;

export interface Violation {
  law: string;
  text: string;
  at: number;
}

/** An issuance that a given reason was spent on. */
interface Granted {
  issuance: string;
  at: number;
  /** A person has asked for the certificate since. */
  insisted: boolean;
}

interface Seen {
  second: number;
  inSecond: number;
  hour: number;
  inHour: number;
}

export class Laws {
  readonly violations: Violation[] = [];
  /** Finalized orders by issuance. */
  readonly finalized = new Map<string, CaOrder[]>();
  readonly #world: World;
  readonly #alarms = new Map<string, Seen>();
  readonly #issuances = new Map<string, string>();
  readonly #owners = new Map<string, string>();
  /** Certificates that somebody gave a reason to renew, by name. */
  readonly reasons = new Map<string, number>();
  readonly #granted = new Map<string, Granted>();

  constructor(world: World) {
    this.#world = world;
  }

  /** A person asks for a certificate: no reason to renew one that is live, but one to try again what came to nothing. */
  asked(name: string): void {
    const granted = this.#granted.get(name);
    if (granted !== undefined) granted.insisted = true;
  }

  /** The certificate that an issuance is of. */
  ownerOf(issuance: string): string | undefined {
    return this.#owners.get(issuance);
  }

  violation(law: string, text: string): void {
    this.violations.push({ law, text, at: this.#world.scheduler.now });
    this.#world.trace.add(`‼ ${law}: ${text}`);
  }

  /** A write of a zone leaves: every record has its row, and nobody else's record is named. */
  beforeWrite(zone: SimulatedZone, change: { add: readonly { name: string; value: string; type: string }[]; remove: readonly { id: string | null }[] }): void {
    const ledger = this.#world.runtime.hosts.get(`zone/cloudflare:${zone.id}`)?.disk;
    for (const { name, value, type } of change.add) {
      const rows = ledger?.look('SELECT sent_at FROM records WHERE name = ? AND value = ? AND type = ?', name, value, type) ?? [];
      if (rows.length === 0) this.violation('ledger before write', `${type} ${name} is written without a row in the ledger.`);
      else if (rows.every((row) => row['sent_at'] === null)) this.violation('ledger before write', `${type} ${name} is written before its row says so.`);
    }
    if ((ledger?.look('SELECT 1 FROM intent') ?? []).length === 0) this.violation('intent before effect', `${zone.name} is written without an intent.`);
  }

  removed(record: ZoneRecord): void {
    if (record.foreign) this.violation('foreign record', `${record.type} ${record.name} belongs to somebody else and was removed.`);
  }

  /** Somebody else's items stay, and what is ours fits together. */
  variableWritten(nomad: SimulatedNomad, path: string, before: Record<string, string>, after: Record<string, string>): void {
    if (path.includes('/keys/') || path.includes('/previous/')) return;
    for (const [item, value] of Object.entries(before)) {
      if (item !== 'certificate' && item !== 'key' && after[item] !== value)
        this.violation('foreign item', `${nomad.cluster} ${path}: the item ${item} was lost or changed.`);
    }
  }

  /**
   * A request to a CA leaves: what cannot be taken back is announced first. How late it arrives is the network's business;
   * by then its sender may have gone on, and what comes of a late newOrder is a pending order that nobody finalizes.
   */
  leaves(method: string, path: string, caller: Mortal): void {
    if (method !== 'POST') return;
    if (path === '/order') this.#intended(caller, 'order', 'newOrder');
    if (path.startsWith('/finalize/')) this.#intended(caller, 'finalize', 'finalize');
  }

  finalizedOrder(ca: SimulatedCa, order: CaOrder): void {
    if (order.issuance === null) return this.violation('one order', `${ca.settings.name} finalized ${order.id} for nobody.`);
    const orders = [...(this.finalized.get(order.issuance) ?? []), order];
    this.finalized.set(order.issuance, orders);
    // A chain that does not fit cannot be used, and the CA has no other for that order.
    const spoilt = orders.filter((each) => this.#world.spoilt.has(each)).length;
    if (orders.length > 1 + spoilt)
      this.violation('one order', `Issuance ${order.issuance} has ${orders.length} finalized orders (${orders.map(({ id }) => id).join(', ')}).`);
  }

  /** A law of its own: the state says what is about to happen before it can happen. */
  #intended(caller: Mortal, prefix: string, what: string): void {
    if (!(caller instanceof Instance) || caller.stale || !caller.alive) return;
    const [row] = caller.host.disk.look("SELECT json_extract(json, '$.intent.id') AS intent FROM documents WHERE key = 'issuance'");
    const intent = row?.['intent'];
    if (typeof intent !== 'string' || !intent.startsWith(prefix)) this.violation('intent before effect', `${caller.label} sent ${what} without an intent.`);
  }

  alarmed(host: Host): void {
    const { now } = this.#world.scheduler;
    const seen = this.#alarms.get(host.label) ?? { second: 0, inSecond: 0, hour: 0, inHour: 0 };
    this.#alarms.set(host.label, seen);
    const [second, hour] = [Math.floor(now / 1_000), Math.floor(now / 3_600_000)];
    seen.inSecond = seen.second === second ? seen.inSecond + 1 : 1;
    seen.inHour = seen.hour === hour ? seen.inHour + 1 : 1;
    seen.second = second;
    seen.hour = hour;
    if (seen.inSecond === MOST_ALARMS_A_SECOND) this.violation('hot loop', `${host.label} was alarmed ${seen.inSecond} times within a second.`);
    if (seen.inHour === MOST_ALARMS_AN_HOUR) this.violation('hot loop', `${host.label} was alarmed ${seen.inHour} times within an hour.`);
  }

  /** A new issuance needs a reason that holds. */
  committed(host: Host): void {
    if (host.kind !== 'certificate') return;
    const [row] = host.disk.look("SELECT json_extract(json, '$.id') AS id, json_extract(json, '$.reason') AS reason FROM documents WHERE key = 'issuance'");
    if (row === undefined || this.#issuances.get(host.name) === row['id']) return;
    this.#issuances.set(host.name, String(row['id']));
    this.#owners.set(String(row['id']), host.name);
    const reason = String(row['reason']);
    this.#world.trace.add(`${host.label} begins issuance ${String(row['id'])}: ${reason}`);
    const [live] = host.disk.look(
      "SELECT json_extract(json, '$.issuance') AS issuance, json_extract(json, '$.leaf.notBefore') AS born, json_extract(json, '$.leaf.notAfter') AS dies, json_extract(json, '$.leaf.sha256') AS sha256 FROM documents WHERE key = 'live'",
    );
    if (live === undefined) return;
    const [born, dies] = [Number(live['born']), Number(live['dies'])];
    const left = (dies - this.#world.scheduler.now) / (dies - born);
    const share = dies - born < 10 * 86_400_000 ? 0.53 : 0.36;
    if (left <= share) return;
    const { now } = this.#world.scheduler;
    const given = this.reasons.get(host.name) ?? 0;
    const granted = this.#granted.get(host.name);
    const cameToNothing = granted !== undefined && granted.issuance !== live['issuance'];
    if (given > 0) this.reasons.set(host.name, given - 1);
    if (given > 0 || (cameToNothing && (granted.insisted || now - granted.at >= LEAST_HOLD_MS)))
      this.#granted.set(host.name, { issuance: String(row['id']), at: now, insisted: false });
    else this.violation('renewal without a reason', `${host.name} renews (${reason}) with ${(left * 100).toFixed(0)} % of its lifetime left.`);
  }

  /** What is stored stays small. */
  bounded(): void {
    for (const host of this.#world.runtime.hosts.values()) {
      for (const { name } of host.disk.look("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")) {
        const [count] = host.disk.look(`SELECT count(*) AS rows FROM ${String(name)}`);
        if (Number(count?.['rows']) > MOST_ROWS) this.violation('growth', `${host.label} has ${String(count?.['rows'])} rows in ${String(name)}.`);
      }
      if (host.kind !== 'certificate') continue;
      for (const { key, size } of host.disk.look('SELECT key, length(json) AS size FROM documents'))
        if (Number(size) > LARGEST_DOCUMENT) this.violation('growth', `${host.label}: the document ${String(key)} has ${String(size)} characters.`);
    }
  }
}
