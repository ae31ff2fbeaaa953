/** Watches one certificate in the Worker until it is live, and tells a display what it sees. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { CertificateView } from '../../functions/certificates/ports.ts';
import { PerennialError } from '../../shared/errors.ts';
import type { Made } from './gather.ts';

const POLL_MS = 100;
/** A certificate that was live before must stay so this long before it counts as settled: the cron may yet find it due. */
const SETTLED_MS = 1_500;

export interface FollowOptions {
  read: () => Promise<CertificateView | undefined>;
  show: (view: CertificateView) => void;
  /** Ids of issuances that were finished before. */
  known: ReadonlySet<string>;
  timeoutMs: number;
  signal: AbortSignal;
}

/**
 * Resolves when the certificate is live and nothing runs. Throws `demo_timeout` with the Worker's own reason when that
 * takes longer than `timeoutMs`, and the signal's reason when it is aborted.
 */
export async function followUntilLive(options: FollowOptions): Promise<{ view: CertificateView } & Made> {
  const deadline = Date.now() + options.timeoutMs;
  let keyMadeIn: string | null = null;
  let settledSince: number | undefined;
  let last: CertificateView | undefined;
  for (;;) {
    options.signal.throwIfAborted();
    // Polling is sequential by nature.
    // oxlint-disable-next-line no-await-in-loop
    const view = await options.read();
    if (view !== undefined) {
      last = view;
      keyMadeIn = view.issuance?.keyMadeIn ?? keyMadeIn;
      options.show(view);
      const issuance = view.history.find(({ id, outcome }) => outcome === 'live' && !options.known.has(id)) ?? null;
      const settled = view.state === 'live' && view.issuance === null && view.live !== null;
      settledSince = settled ? (settledSince ?? Date.now()) : undefined;
      if (settledSince !== undefined && (issuance !== null || Date.now() - settledSince >= SETTLED_MS)) return { view, issuance, keyMadeIn };
    }
    if (Date.now() > deadline) throw tooLate(last, options.timeoutMs);
    // oxlint-disable-next-line no-await-in-loop
    await sleep(POLL_MS, undefined, { signal: options.signal });
  }
}

function tooLate(view: CertificateView | undefined, timeoutMs: number): PerennialError {
  const failure = view?.issuance?.failure ?? view?.deliveries.find((delivery) => delivery.failure !== null)?.failure;
  const why =
    view === undefined ? 'The Worker does not know the certificate.' : `It is ${view.state} in phase ${view.phase}: ${failure?.message ?? view.reason}`;
  return new PerennialError('demo_timeout', `The certificate did not get live within ${Math.round(timeoutMs / 1_000)} s. ${why}`.slice(0, 2_000), {
    hint: failure?.hint ?? undefined,
  });
}
