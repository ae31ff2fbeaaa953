/** Asks whether the records are visible everywhere the CA may look. Read-only; waits by alarm, never in the request. */
import { MINUTE, SECOND } from '../../../shared/clock.ts';
import { enterPhase, issuanceOf, type PhaseContext } from './context.ts';

const DELAYS = [200, 300, 500, SECOND, 2 * SECOND, 3 * SECOND, 5 * SECOND, 10 * SECOND, 15 * SECOND, 30 * SECOND] as const;
/** From here on the page says that something is wrong; asking goes on. */
export const PROPAGATION_CONCERN_MS = 5 * MINUTE;

export async function propagate(context: PhaseContext): Promise<void> {
  const issuance = issuanceOf(context);
  const clusters = [...new Set(issuance.spec.deliveries.map((delivery) => delivery.cluster))];
  const report = await context.ports.dns.propagation(issuance.placed, clusters);
  issuance.propagation = report;
  if (report.complete) {
    enterPhase(context, 'validate');
  } else {
    issuance.waitUntil = context.clock() + (DELAYS[Math.min(issuance.polls, DELAYS.length - 1)] ?? 30 * SECOND);
    issuance.polls += 1;
  }
  context.persist();
}
