/** How a cluster's link is, as people and programs see it: a pure function of what the object knows. */
import { HEARTBEAT_INTERVAL_MS } from '../../shared/link/frames.ts';
import type { ClusterStatus, RelayFacts } from './connection.ts';

/** A relay whose last sign of life is older is shown as silent, ms. */
const STALE_MS = 3 * HEARTBEAT_INTERVAL_MS;

export interface StatusInput {
  cluster: string;
  now: number;
  relays: RelayFacts[];
  lastSeenAt: number | null;
  refused: ClusterStatus['refused'];
}

export function statusOf({ cluster, now, relays, lastSeenAt, refused }: StatusInput): ClusterStatus {
  const newest = relays.reduce((latest, relay) => Math.max(latest, relay.lastSeenAt), lastSeenAt ?? 0);
  const fresh = relays.some((relay) => now - relay.lastSeenAt < STALE_MS);
  const tooOld = relays.length === 0 && refused?.code === 'relay_too_old';
  return {
    cluster,
    state: fresh ? 'online' : tooOld ? 'too-old' : relays.length > 0 ? 'silent' : 'offline',
    relays,
    lastSeenAt: newest === 0 ? null : newest,
    since: fresh ? Math.min(...relays.map((relay) => relay.since)) : newest === 0 ? null : newest,
    refused: relays.length === 0 ? refused : null,
  };
}
