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

interface Asked {
  action: 'renew' | 'force' | 'reload' | 'redeliver';
  /** Unix ms at which the request was accepted. */
  at: number;
}

/** @param reportedAt Unix ms of the certificate's last report. */
export function progressOf(view: CertificateView, asked: Asked, reportedAt: number): Progress {
  const finished = view.history.find((entry) => entry.endedAt >= asked.at);
  return {
    certificate: view.name,
    status: statusOf(view, asked, { reportedAt, finished }),
    phase: view.phase,
    reason: view.reason,
    waitingFor: view.waitingFor,
    nextAt: view.nextAt,
    phases:
      view.issuance === null
        ? (finished?.phases ?? [])
        : view.issuance.phases.map(({ name, startedAt, endedAt }) => ({ name, ms: endedAt === null ? null : endedAt - startedAt })),
    sha256: view.live?.sha256 ?? null,
  };
}

function statusOf(
  view: CertificateView,
  { action, at }: Asked,
  seen: { reportedAt: number; finished: CertificateView['history'][number] | undefined },
): Progress['status'] {
  if (seen.reportedAt < at) return 'accepted';
  const failed = view.issuance?.failure != null || view.deliveries.some((delivery) => delivery.failure !== null);
  if (failed || view.state === 'failing' || view.state === 'needs-attention') return 'failing';
  const moving = view.issuance !== null || view.deliveries.some((delivery) => delivery.state === 'pending' || delivery.state === 'installed');
  if (moving || view.state === 'renewing' || view.state === 'new') return 'working';
  // A report from before the wake was heard says nothing: a forced renewal ends with an issuance of its own.
  if (action !== 'force') return 'done';
  return seen.finished === undefined ? 'working' : seen.finished.outcome === 'live' ? 'done' : 'failing';
}
