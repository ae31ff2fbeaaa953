/**
 * The stations of one renewal, in the order of DESIGN §4, and where a certificate stands among them.
 */
import type { CertificateView, Phase } from '../../certificates/ports.ts';

export const STATIONS = [
  'order',
  'present',
  'propagate',
  'validate',
  'finalize',
  'download',
  'install',
  'reload',
  'verify',
] as const satisfies readonly Phase[];
export type Station = (typeof STATIONS)[number];

/** What happens at each station, for people who do not know RFC 8555 by heart. */
export const STATION_MEANING: Record<Station, string> = {
  order: 'ask the CA for a new order',
  present: 'make key and CSR, publish the TXT records',
  propagate: 'wait until every name server shows them',
  validate: 'let the CA check them',
  finalize: 'hand in the CSR',
  download: 'fetch the chain and check it',
  install: 'write certificate and key to the Nomad variable',
  reload: 'nudge Traefik',
  verify: 'dial every instance and compare',
};

/** `skipped`: never entered although a later one was, e.g. challenges of an order that was ready at once. */
export type StepState = 'done' | 'current' | 'failed' | 'pending' | 'skipped';

export interface Step {
  name: Station;
  state: StepState;
  /** Milliseconds spent in it, repeated visits added; null when it was never entered. */
  ms: number | null;
  /** Start of the visit that is still open; null when there is none. */
  since: number | null;
}

type Progress = Pick<CertificateView, 'phase' | 'issuance' | 'deliveries'>;
const DELIVERY_STATIONS: readonly Phase[] = ['install', 'reload', 'verify'];

/**
 * Steps of what is under way, or null when nothing is: an issuance, or a delivery that runs again by itself. A phase that
 * was visited again after a failure counts as open again.
 */
export function stepsOf(now: number, view: Progress): Step[] | null {
  if (view.issuance === null && !DELIVERY_STATIONS.includes(view.phase)) return null;
  const phases = view.issuance?.phases ?? [];
  const current = currentStation(view);
  const reached = current === null ? STATIONS.length : STATIONS.indexOf(current);
  const failed = hasFailed(view);
  return STATIONS.map((name, index) => {
    const visits = phases.filter((phase) => phase.name === name);
    const open = name === current ? visits.findLast((visit) => visit.endedAt === null) : undefined;
    return {
      name,
      state: stateOf(index, reached, visits.length > 0, failed),
      ms: visits.length === 0 ? null : visits.reduce((sum, visit) => sum + ((visit.endedAt ?? (visit === open ? now : visit.startedAt)) - visit.startedAt), 0),
      since: open?.startedAt ?? null,
    };
  });
}

function hasFailed({ phase, issuance, deliveries }: Progress): boolean {
  if (issuance !== null && issuance.failure !== null) return true;
  return DELIVERY_STATIONS.includes(phase) && deliveries.some((delivery) => delivery.failure !== null);
}

/** A certificate that rests until the next try stands where it failed. */
function currentStation({ phase, issuance }: Progress): Station | null {
  const named = STATIONS.find((station) => station === phase);
  if (named !== undefined || issuance === null) return named ?? null;
  const open = issuance.phases.findLast((visit) => visit.endedAt === null) ?? (issuance.failure === null ? undefined : issuance.phases.at(-1));
  return STATIONS.find((station) => station === open?.name) ?? null;
}

function stateOf(index: number, reached: number, visited: boolean, failed: boolean): StepState {
  if (index > reached) return 'pending';
  if (index === reached) return failed ? 'failed' : 'current';
  return visited ? 'done' : 'skipped';
}
