/** How far an accepted request has come, told from a certificate's last view. Pure. */
import type { CertificateView } from '../certificates/ports.ts';

export interface Progress {
  certificate: string;
  status: 'accepted' | 'working' | 'failing' | 'done';
  phase: CertificateView['phase'];
  /** One sentence each. */
  reason: string;
  waitingFor: string | null;
  /** Unix ms of the next own step, or null. */
  nextAt: number | null;
  /** Phases of the issuance under way, or of the one that finished since. */
  phases: { name: CertificateView['phase']; ms: number | null }[];
  sha256: string | null;
}

/**
 * @param at Unix ms at which the request was accepted.
 * @param reportedAt Unix ms of the certificate's last report.
 */
export function progressOf(view: CertificateView, at: number, reportedAt: number): Progress {
  const finished = view.history.find((entry) => entry.endedAt >= at);
  const failure = view.issuance?.failure ?? view.deliveries.find((delivery) => delivery.failure !== null)?.failure ?? null;
  const moving = view.issuance !== null || view.deliveries.some((delivery) => delivery.state === 'pending' || delivery.state === 'installed');
  return {
    certificate: view.name,
    status: reportedAt < at ? 'accepted' : failure !== null || view.state === 'failing' ? 'failing' : moving || view.state === 'renewing' || view.state === 'new' ? 'working' : 'done',
    phase: view.phase,
    reason: view.reason,
    waitingFor: view.waitingFor,
    nextAt: view.nextAt,
    phases: view.issuance === null ? (finished?.phases ?? []) : view.issuance.phases.map(({ name, startedAt, endedAt }) => ({ name, ms: endedAt === null ? null : endedAt - startedAt })),
    sha256: view.live?.sha256 ?? null,
  };
}
