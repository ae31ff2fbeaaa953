/** What people and programs see of `[[records]]`: where each one goes, which values it has now, what keeps it from that. */
import type { ErrorData } from '../../shared/errors.ts';
import type { DeclaredRecord, DnsVendor } from '../config/configuration.ts';

/** The zone that holds a declared record. The ZoneObject `<provider>:<zoneId>` has the plan for it. */
export interface RecordZone {
  provider: DnsVendor['provider'];
  /** Name of the `[dns.x]` block through which it was found. */
  vendor: string;
  zoneId: string;
  zoneName: string;
}

export interface RecordStatus {
  name: string;
  type: DeclaredRecord['type'];
  /** For people: `as written`, `healthy instances of traefik in matrix`, `CAA of letsencrypt`. */
  source: string;
  /**
   * `declared`: its zone was told these values, and has the plan. `held`: its values are not known, what stands there
   * stays. `failing`: no zone was found, or its zone could not be told. `pending`: not looked at yet.
   */
  state: 'declared' | 'held' | 'failing' | 'pending';
  /** As they are to be now; empty while they are not known. */
  values: string[];
  /** Why it is held, one sentence; null when it is not. */
  held: string | null;
  zone: RecordZone | null;
  /** Of the last attempt to place it or to tell its zone. */
  failure: ErrorData | null;
}

/** A zone that is told what to hold: also one whose records have left the configuration, until it has heard of it. */
export interface ToldZone extends RecordZone {
  /** Unix ms; null while it has not been told yet. */
  toldAt: number | null;
  /** Names and types declared in it. */
  records: number;
  failure: ErrorData | null;
}

export interface RecordsStatus {
  /** Of the configuration; null before the first. */
  generation: number | null;
  /** Unix ms of the last run; null before the first. */
  checkedAt: number | null;
  /** Unix ms of the next run; null when nothing is declared. */
  nextAt: number | null;
  /** In the order of the configuration. */
  records: RecordStatus[];
  zones: ToldZone[];
}
