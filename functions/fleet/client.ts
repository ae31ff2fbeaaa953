/** FleetObject as the rest of the Worker calls it: results, or PerennialErrors thrown. */
import { unwrap, type Outcome } from '../../shared/errors.ts';
import type { CertificateView } from '../certificates/ports.ts';
import type { CompiledConfiguration, Configuration } from '../config/configuration.ts';
import type { Environment } from '../environment.ts';
import type { ActionRequest, StoredOperation } from './admission.ts';
import type { FleetStatus, OperationStatus } from './fleet.ts';
import type { CertificateSummary, ListQuery } from './registry.ts';
import type { RelayBundle } from './relay-bundles.ts';
import type { PromotionDecision } from './promotion.ts';
import type { ReportedZone } from './zones.ts';

export interface FleetClient {
  status(limits: { events: number; upcoming: number }): Promise<FleetStatus>;
  list(query: ListQuery): Promise<{ rows: CertificateSummary[]; total: number }>;
  page(query: ListQuery): Promise<{ views: CertificateView[]; total: number }>;
  certificate(name: string): Promise<CertificateView | null>;
  zones(): Promise<ReportedZone[]>;
  act(request: ActionRequest): Promise<{ operation: StoredOperation; repeated: boolean }>;
  operation(id: string): Promise<OperationStatus | null>;
  beginSignIn(client: string): Promise<void>;
  signedIn(client: string): Promise<void>;
  relayBundle(sha256: string): Promise<string | null>;
  sweep(): Promise<{ woken: number; failed: number }>;
  offer(hash: string, relaySha256: string | null): Promise<{ configuration: PromotionDecision; wantsRelay: boolean }>;
  promote(hash: string, configuration: Configuration): Promise<PromotionDecision>;
  storeRelayBundle(bundle: RelayBundle): Promise<void>;
}

export function fleetClient(namespace: Environment['FLEET']): FleetClient {
  // A fresh stub for every call: one that has failed once may stay broken.
  const fleet = () => namespace.getByName('fleet');
  const value = async <T>(outcome: Promise<Outcome<T>>): Promise<T> => unwrap(await outcome);
  return {
    status: (limits) => value(fleet().status(limits)),
    list: (query) => value(fleet().list(query)),
    page: (query) => value(fleet().page(query)),
    certificate: (name) => value(fleet().certificate(name)),
    zones: () => value(fleet().zones()),
    act: (request) => value(fleet().act(request)),
    operation: (id) => value(fleet().operation(id)),
    beginSignIn: async (client) => void (await value(fleet().beginSignIn(client))),
    signedIn: async (client) => void (await value(fleet().signedIn(client))),
    relayBundle: (sha256) => value(fleet().relayBundle(sha256)),
    sweep: () => value(fleet().sweep()),
    offer: (hash, relaySha256) => value(fleet().offer(hash, relaySha256)),
    promote: (hash, configuration) => value(fleet().promote(hash, configuration)),
    storeRelayBundle: async (bundle) => void (await value(fleet().storeRelayBundle(bundle))),
  };
}

/**
 * Offers what this bundle carries, and sends what the fleet lacks. Call it on every request and cron run, at most once a
 * minute for each isolate: the offers also tell a deploy's stragglers from a roll-back (`promotion.ts`).
 */
export async function offerBundle(
  fleet: Pick<FleetClient, 'offer' | 'promote' | 'storeRelayBundle'>,
  compiled: CompiledConfiguration,
  relay: RelayBundle | null,
): Promise<PromotionDecision | null> {
  const { configuration, wantsRelay } = await fleet.offer(compiled.hash, relay?.sha256 ?? null);
  if (wantsRelay && relay !== null) await fleet.storeRelayBundle(relay);
  // An invalid configuration is never in force; the last good one stays.
  if (!compiled.valid) return null;
  return configuration.decision === 'promote' ? fleet.promote(compiled.hash, compiled.configuration) : configuration;
}
