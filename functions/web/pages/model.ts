/**
 * What the status page shows, as plain data: built from views and health rows by a pure function of `now`, so that a
 * page is the same wherever it is rendered. Lists of certificates arrive paged and in the order they are shown;
 * everything that speaks of the whole deployment (`tally`, `upcoming`) arrives as its own value.
 */
import { MINUTE } from '../../../shared/clock.ts';
import type { CertificateView } from '../../certificates/ports.ts';
import type { Problem } from '../../config/configuration.ts';
import { authorityModel, type AuthorityInput, type AuthorityModel } from './authority-model.ts';
import { lifelineOf, type Lifeline } from './lifeline.ts';
import { overallOf, zoneTally, type Overall, type Tally } from './overall.ts';
import { stepsOf, type Step } from './steps.ts';
import { CERTIFICATE_STATE, DELIVERY_STATE, type RelayState, verdictWording, type Wording } from './wording.ts';
import { zoneModel, type ZoneInput, type ZoneModel } from './zone-model.ts';

/** A cluster and the relays that hold, or lately held, a link from it. */
export interface ClusterHealth {
  cluster: string;
  state: RelayState;
  /** Unix ms since when it is in this state; null when no relay was ever seen. */
  since: number | null;
  relays: readonly {
    allocation: string;
    /** Unix ms of its last heartbeat. */
    lastSeenAt: number;
    contract: number;
    /** SHA-256 of its bundle, hex. */
    bundle: string;
    /** Its clock minus ours, milliseconds. */
    skewMs: number;
  }[];
}

/** Something that has to be done once before Perennial can work, e.g. a Worker secret that is not set. */
export interface SetupProblem {
  what: string;
  why: string;
  /** The command that repairs it. */
  command: string | null;
}

export interface FleetEvent {
  at: number;
  certificate: string | null;
  /** Name of the zone that it happened in; null when it is none's. */
  zone: string | null;
  severity: 'info' | 'warning' | 'critical';
  kind: string;
  /** The first line says what happened; details may follow. */
  message: string;
}

/** A planned step of any certificate. */
export interface Departure {
  at: number;
  certificate: string;
  what: string;
  why: string;
}

export interface Paging {
  /** 1-based. */
  number: number;
  size: number;
  /** Certificates that match `query`, on all pages. */
  total: number;
  /** Text searched for; `''` shows an empty search field, null shows none. */
  query: string | null;
}

export interface StatusInput {
  /** The certificates of this page, in the order to show them. */
  certificates: readonly CertificateView[];
  tally: Tally;
  /** Next steps of the whole deployment, soonest first; taken from `certificates` when absent. */
  upcoming?: readonly Departure[];
  clusters: readonly ClusterHealth[];
  /** Every configured CA, in the order of the configuration. */
  authorities: readonly AuthorityInput[];
  /** Every zone that is written to, those that need somebody first. */
  zones: readonly ZoneInput[];
  /** Problems of the file that was deployed last; the last good configuration stays in force meanwhile. */
  configuration: { problems: readonly Problem[]; lastGoodInForce: boolean };
  setup: readonly SetupProblem[];
  /** Newest first. */
  events: readonly FleetEvent[];
  paging: Paging;
  /** Answer to the last button that was pressed, one sentence. */
  notice: string | null;
}

export interface DeliveryModel {
  delivery: CertificateView['deliveries'][number];
  wording: Wording;
  /** Instances that serve the installed chain. */
  serving: number;
  instances: { instance: CertificateView['deliveries'][number]['instances'][number]; wording: Wording }[];
}

export interface CertificateModel {
  view: CertificateView;
  wording: Wording;
  lifeline: Lifeline | null;
  /** Null when nothing is under way. */
  steps: Step[] | null;
  deliveries: DeliveryModel[];
  /** It changes within the minute. */
  moving: boolean;
  mayRenew: boolean;
  mayRedeliver: boolean;
  /** The live leaf, which the CA may still be asked to revoke; null when there is none. */
  mayRevoke: string | null;
}

export interface StatusModel extends Omit<StatusInput, 'certificates' | 'upcoming' | 'authorities' | 'zones'> {
  now: number;
  overall: Overall;
  certificates: CertificateModel[];
  upcoming: readonly Departure[];
  authorities: AuthorityModel[];
  zones: ZoneModel[];
  pages: number;
  /** Something moves now: the page asks again soon. */
  moving: boolean;
}

/** Departures shown on the board. */
const BOARD_ROWS = 6;

/** @param now Unix ms; every relative time and every bar is of this moment. */
export function statusModel(input: StatusInput, now: number): StatusModel {
  return {
    ...input,
    now,
    overall: overallOf({
      tally: input.tally,
      configurationInvalid: input.configuration.problems.length > 0,
      setupIncomplete: input.setup.length > 0,
      relaysAway: input.clusters.filter((cluster) => cluster.state !== 'online').length,
      zones: zoneTally(input.zones.map(({ health }) => health)),
    }),
    certificates: input.certificates.map((view) => certificateModel(view, now)),
    upcoming: (input.upcoming ?? departuresOf(input.certificates)).slice(0, BOARD_ROWS),
    authorities: input.authorities.map((authority) => authorityModel(authority, now)),
    zones: input.zones.map(zoneModel),
    pages: Math.max(1, Math.ceil(input.paging.total / input.paging.size)),
    moving:
      input.certificates.some((view) => isMoving(view, now)) ||
      input.zones.some(({ health }) => health.waiting !== null && health.waiting.until <= now + MINUTE),
  };
}

export function certificateModel(view: CertificateView, now: number): CertificateModel {
  // While one runs well there is nothing to press; one that rests until its next try may be tried at once.
  const mayRenew = view.state !== 'retired' && (view.issuance === null || view.state !== 'renewing');
  return {
    view,
    wording: certificateWording(view),
    lifeline: view.live === null ? null : lifelineOf(now, view.live, view.renewal),
    steps: stepsOf(now, view),
    deliveries: view.deliveries.map((delivery) => ({
      delivery,
      wording: DELIVERY_STATE[delivery.state],
      serving: delivery.instances.filter((instance) => instance.verdict === 'new').length,
      instances: delivery.instances.map((instance) => ({ instance, wording: verdictWording(instance.verdict) })),
    })),
    moving: isMoving(view, now),
    mayRenew,
    mayRedeliver: mayRenew && view.live !== null,
    mayRevoke: view.live === null || view.live.revoked !== null || view.revocation !== null || view.live.notAfter <= now ? null : view.live.sha256,
  };
}

const OWN_WORDS: readonly CertificateView['state'][] = ['needs-attention', 'renewing', 'new', 'retired'];

/** When only the proof by dial is not what it should be, the certificate is called by that verdict. */
function certificateWording(view: CertificateView): Wording {
  if (OWN_WORDS.includes(view.state) || view.issuance?.failure) return CERTIFICATE_STATE[view.state];
  const states = new Set(view.deliveries.map((delivery) => delivery.state));
  if (states.has('failing')) return CERTIFICATE_STATE[view.state];
  const verdict = (['wrong', 'drift', 'waiting-for-instance'] as const).find((state) => states.has(state));
  return verdict === undefined ? CERTIFICATE_STATE[view.state] : DELIVERY_STATE[verdict];
}

/** Whether a page that shows it is worth asking for again within seconds. One that rests until a later try is not. */
export function isMoving(view: Pick<CertificateView, 'state' | 'phase' | 'nextAt'>, now: number): boolean {
  if (view.state === 'renewing' || (view.state === 'new' && view.nextAt === null)) return true;
  return view.phase !== 'idle' && view.nextAt !== null && view.nextAt <= now + MINUTE;
}

/** The next step of each certificate: what is under way first tries again, what is idle renews. */
export function departuresOf(views: readonly CertificateView[]): Departure[] {
  return views
    .flatMap((view): Departure[] => {
      // What has stopped leaves at no time by itself.
      if (view.state === 'retired' || (view.state === 'needs-attention' && view.nextAt === null)) return [];
      if (view.nextAt !== null && view.phase !== 'idle')
        return [{ at: view.nextAt, certificate: view.name, what: view.phase, why: view.waitingFor ?? view.reason }];
      return view.renewal === null ? [] : [{ at: view.renewal.at, certificate: view.name, what: 'renew', why: view.renewal.reason }];
    })
    .sort((one, other) => one.at - other.at);
}
