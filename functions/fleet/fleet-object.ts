/** The object named `fleet`: {@link Fleet} behind RPC. Every method settles into an Outcome. */
import { DurableObject } from 'cloudflare:workers';
import { type Outcome, settle } from '../../shared/errors.ts';
import type { CertificateReport, CertificateView } from '../certificates/ports.ts';
import type { Configuration } from '../config/configuration.ts';
import type { ZoneReport } from '../dns/zone-report.ts';
import type { Environment } from '../environment.ts';
import type { ActionRequest, StoredOperation } from './admission.ts';
import { certificatesPort } from './certificates.ts';
import { Fleet, type FleetStatus, type OperationStatus } from './fleet.ts';
import type { Promotion } from './configurations.ts';
import type { PromotionDecision } from './promotion.ts';
import { recordsPort } from './records.ts';
import type { CertificateSummary, ListQuery } from './registry.ts';
import type { RelayBundle } from './relay-bundles.ts';
import type { ReportedZone } from './zones.ts';

export class FleetObject extends DurableObject<Environment> {
  readonly #fleet: Fleet;
  readonly #clock = () => Date.now();

  constructor(context: DurableObjectState, environment: Environment) {
    super(context, environment);
    this.#fleet = new Fleet({
      storage: context.storage,
      certificates: certificatesPort(environment.CERTIFICATES),
      records: recordsPort(environment.RECORDS),
      clock: this.#clock,
    });
  }

  /** What the fleet wants to be sent by a bundle that carries these. */
  offer(hash: string, relaySha256: string | null): Promise<Outcome<{ configuration: PromotionDecision; wantsRelay: boolean }>> {
    return settle(() => ({ configuration: this.#fleet.offer(hash), wantsRelay: relaySha256 !== null && !this.#fleet.bundles.has(relaySha256) }));
  }

  promote(hash: string, configuration: Configuration): Promise<Outcome<PromotionDecision>> {
    return settle(() => this.#fleet.promote(hash, configuration));
  }

  /** The configuration in force; null before the first. */
  configuration(): Promise<Outcome<Configuration | null>> {
    return settle(() => this.#fleet.configurationInForce());
  }

  promotion(): Promise<Outcome<Promotion | null>> {
    return settle(() => this.#fleet.promotionInForce());
  }

  certificateNames(after: string, limit: number): Promise<Outcome<string[]>> {
    return settle(() => this.#fleet.certificateNames(after, limit));
  }

  configured(names: string[]): Promise<Outcome<string[]>> {
    return settle(() => this.#fleet.configured(names));
  }

  raise(generation: number): Promise<Outcome<null>> {
    return settle(async () => {
      await this.#fleet.raise(generation);
      return null;
    });
  }

  note(kind: string, message: string): Promise<Outcome<null>> {
    return settle(() => {
      this.#fleet.note(kind, message);
      return null;
    });
  }

  report(report: CertificateReport): Promise<Outcome<null>> {
    return settle(async () => {
      await this.#fleet.report(report);
      return null;
    });
  }

  /** May be repeated, and may arrive out of order. */
  zoneReport(report: ZoneReport): Promise<Outcome<null>> {
    return settle(() => {
      this.#fleet.zoneReport(report);
      return null;
    });
  }

  /** Every zone that has reported, those that need somebody first. */
  zones(): Promise<Outcome<ReportedZone[]>> {
    return settle(() => this.#fleet.zones());
  }

  status(limits: { events: number; upcoming: number }): Promise<Outcome<FleetStatus>> {
    return settle(() => this.#fleet.status(limits));
  }

  list(query: ListQuery): Promise<Outcome<{ rows: CertificateSummary[]; total: number }>> {
    return settle(() => this.#fleet.list(query));
  }

  page(query: ListQuery): Promise<Outcome<{ views: CertificateView[]; total: number }>> {
    return settle(() => this.#fleet.page(query));
  }

  certificate(name: string): Promise<Outcome<CertificateView | null>> {
    return settle(() => this.#fleet.certificate(name));
  }

  sweep(): Promise<Outcome<{ woken: number; failed: number }>> {
    return settle(() => this.#fleet.sweep());
  }

  act(request: ActionRequest): Promise<Outcome<{ operation: StoredOperation; repeated: boolean }>> {
    return settle(() => this.#fleet.act(request));
  }

  operation(id: string): Promise<Outcome<OperationStatus | null>> {
    return settle(() => this.#fleet.operation(id));
  }

  beginSignIn(client: string): Promise<Outcome<null>> {
    return settle(() => {
      this.#fleet.beginSignIn(client);
      return null;
    });
  }

  signedIn(client: string): Promise<Outcome<null>> {
    return settle(() => {
      this.#fleet.signedIn(client);
      return null;
    });
  }

  storeRelayBundle(bundle: RelayBundle): Promise<Outcome<null>> {
    return settle(async () => {
      await this.#fleet.bundles.store(bundle, this.#clock());
      return null;
    });
  }

  relayBundle(sha256: string): Promise<Outcome<string | null>> {
    return settle(() => this.#fleet.bundles.source(sha256));
  }

  /** A relay said in its hello that it runs this bundle: it is kept for longer. */
  relayRuns(sha256: string): Promise<Outcome<null>> {
    return settle(() => {
      this.#fleet.bundles.reported(sha256, this.#clock());
      return null;
    });
  }

  override alarm(): Promise<void> {
    return this.#fleet.alarm();
  }
}
