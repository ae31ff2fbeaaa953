/** The Worker's web side with nothing behind it but DNS zones: for tests of what reaches them. */
import type { Hono } from 'hono';
import type { ZoneAdministration } from '../../functions/dns/zone-requests.ts';
import type { FleetClient } from '../../functions/fleet/client.ts';
import type { RecordsStatus } from '../../functions/records/status.ts';
import { createApp } from '../../functions/web/app.ts';

export const ADMIN = 'administrator-token-for-tests';

export interface ZoneSite {
  now: () => number;
  /** The fleet's registry. */
  zones: () => ReturnType<FleetClient['zones']>;
  object: (provider: string, zoneId: string) => ZoneAdministration;
  records: () => Promise<RecordsStatus>;
}

export function zoneSite({ now, zones, object, records }: ZoneSite): Hono {
  const unused = () => Promise.reject(new Error('This part of the Worker is not there.'));
  return createApp({
    clock: now,
    compiled: { valid: false, hash: '', problems: [] },
    fleet: {
      zones,
      status: unused,
      list: unused,
      page: unused,
      certificate: unused,
      act: unused,
      operation: unused,
      beginSignIn: unused,
      signedIn: unused,
      relayBundle: unused,
      sweep: unused,
      offer: unused,
      promote: unused,
      storeRelayBundle: unused,
    },
    adminToken: ADMIN,
    setupProblems: [],
    secret: unused,
    putSecret: unused,
    resealSecrets: unused,
    clusters: unused,
    certificate: () => ({ revoke: unused }),
    authorities: unused,
    rollOver: unused,
    zone: object,
    records,
    relay: null,
    backup: { exportPart: unused, importItems: unused },
    connectRelay: unused,
  });
}
