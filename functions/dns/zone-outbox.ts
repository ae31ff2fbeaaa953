/**
 * What a zone has to tell the fleet, kept until it has arrived: events, and how the zone is when that has changed in a way
 * that people would want to see. Delivered by the zone's alarm.
 */
import { DAY, HOUR, SECOND, type Clock } from '../../shared/clock.ts';
import type { Ledger } from './ledger.ts';
import { outboxSchema, type OutboxDocument } from './outbox-document.ts';
import { MAX_REPORTED_EVENTS, type SendZoneReport, type ZoneEvent } from './zone-report.ts';
import type { ZoneHealth } from './zone-requests.ts';

/** Events that wait for a fleet that does not answer; the oldest are dropped, critical ones last. */
const MAX_EVENTS = 200;
const FIRST_RETRY_MS = 10 * SECOND;
const LONGEST_RETRY_MS = HOUR;
/** A change is told this soon after the call that made it, milliseconds: what follows at once is told with it. */
const SOON_MS = 5 * SECOND;

const EMPTY: OutboxDocument = { sequence: 0, eventSequence: 0, events: [], told: '', retryAt: 0, failures: 0 };

export class ZoneOutbox {
  readonly #ledger: Ledger;
  readonly #clock: Clock;

  constructor(ledger: Ledger, clock: Clock) {
    this.#ledger = ledger;
    this.#clock = clock;
  }

  raise(kind: string, severity: ZoneEvent['severity'], message: string): void {
    const outbox = this.#read();
    const sequence = outbox.eventSequence + 1;
    const events = [...outbox.events, { sequence, at: this.#clock(), kind, severity, message: message.slice(0, 4_000) }];
    const dropped = events.length > MAX_EVENTS ? (events.find(({ severity: other }) => other !== 'critical') ?? events[0]) : undefined;
    this.#write({ ...outbox, eventSequence: sequence, events: events.filter((event) => event !== dropped) });
  }

  /** Unix ms of the next delivery; null when the fleet knows everything. */
  due(health: ZoneHealth | null): number | null {
    const outbox = this.#read();
    if (health === null || (outbox.events.length === 0 && outbox.told === gist(health))) return null;
    return Math.max(outbox.retryAt, outbox.events.length > 0 ? 0 : this.#clock() + SOON_MS);
  }

  /** Sends what is to be told, if it is time. Never throws: what did not arrive is sent again. */
  async deliver(health: ZoneHealth | null, send: SendZoneReport): Promise<void> {
    const outbox = this.#read();
    const now = this.#clock();
    if (health === null || this.due(health) === null || now < outbox.retryAt) return;
    const { provider, zoneId, zoneName } = health;
    const events = outbox.events.slice(0, MAX_REPORTED_EVENTS);
    const sequence = outbox.sequence + 1;
    // Before it leaves: a report that arrived and was not acknowledged must not share its number with another one.
    this.#write({
      ...outbox,
      sequence,
      failures: outbox.failures + 1,
      retryAt: now + Math.min(FIRST_RETRY_MS * 2 ** Math.min(outbox.failures, 10), LONGEST_RETRY_MS),
    });
    try {
      await send({ provider, zoneId, zoneName, sequence, at: now, health, events });
    } catch {
      return;
    }
    const arrived = new Set(events.map((event) => event.sequence));
    const after = this.#read();
    const left = after.events.filter((event) => !arrived.has(event.sequence));
    this.#write({ ...after, events: left, told: gist(health), failures: 0, retryAt: left.length > 0 ? now : 0 });
  }

  #read(): OutboxDocument {
    return this.#ledger.document('outbox', outboxSchema) ?? EMPTY;
  }

  #write(outbox: OutboxDocument): void {
    this.#ledger.putDocument('outbox', outbox);
  }
}

/** What of a zone's health is worth a report; times and counts of every renewal are not. */
function gist({ zoneName, vendors, lastSuccessAt, lastError, stopped, waiting, declared }: ZoneHealth): string {
  const failing = lastError !== null && lastError.at > (lastSuccessAt ?? 0) ? lastError.error.code : null;
  const day = lastSuccessAt === null ? null : Math.floor(lastSuccessAt / DAY);
  return JSON.stringify([zoneName, vendors, day, failing, stopped?.at ?? null, waiting?.reason ?? null, { ...declared, at: 0 }]);
}
