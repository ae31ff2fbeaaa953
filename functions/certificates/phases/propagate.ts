/** Asks whether the records are visible everywhere the CA may look. Read-only; waits by alarm, never in the request. */
import { MINUTE } from '../../../shared/clock.ts';
import { PerennialError } from '../../../shared/errors.ts';
import type { PropagationProgress } from '../ports.ts';
import { nextLook, policyOf } from '../propagation-policy.ts';
import type { Issuance } from '../state.ts';
import { clustersOf, enterPhase, issuanceOf, operationId, type PhaseContext } from './context.ts';
import { dropExpiredOrder } from './issuance.ts';

/** Servers that a message names. */
const NAMED_SERVERS = 5;

export async function propagate(context: PhaseContext): Promise<void> {
  const issuance = issuanceOf(context);
  const policy = policyOf(issuance.placed);
  // Late again: somebody may have overwritten what was published.
  if (issuance.failure?.code === TIMED_OUT) await publishAgain(context, issuance);
  const before = issuance.propagation?.confirmed ?? [];
  const report = await context.ports.dns.propagation(issuance.placed, clustersOf(issuance), before);
  issuance.propagation = report;
  const now = context.clock();
  if (report.complete) {
    enterPhase(context, 'validate');
    context.persist();
    return;
  }
  context.persist();
  if (dropExpiredOrder(context)) return;
  if (now - (issuance.phases.at(-1)?.startedAt ?? now) >= policy.timeoutMs) throw timedOut(report, policy.timeoutMs);
  // What was confirmed makes room for the next names: no need to wait.
  issuance.waitUntil = report.confirmed.length > before.length ? now : nextLook(now, issuance.polls, policy);
  issuance.polls += 1;
  context.persist();
}

const TIMED_OUT = 'dns_propagation_timeout';

/** A no-op where everything stands as it should; each time an operation of its own, else it would only be remembered. */
async function publishAgain(context: PhaseContext, issuance: Issuance): Promise<void> {
  await context.ports.dns.present(issuance.id, operationId(issuance, `present-again-${issuance.failure?.count ?? 0}`), issuance.placed);
}

function timedOut({ summary, servers }: PropagationProgress, timeoutMs: number): PerennialError {
  const lacking = servers.filter(({ seen }) => !seen);
  const named = lacking.slice(0, NAMED_SERVERS).map(({ name, detail }) => `${name} (${detail})`);
  const further = lacking.length > NAMED_SERVERS ? ` and ${lacking.length - NAMED_SERVERS} more` : '';
  const who = lacking.length === 0 ? '' : `; not yet: ${named.join(', ')}${further}`;
  return new PerennialError(
    TIMED_OUT,
    `The challenge records are not visible everywhere after ${timeoutMs / MINUTE} minutes: ${summary}${who}.`.slice(0, 1_900),
    {
      retryable: true,
      hint: 'Check that the zone still holds them and that every name server it is delegated to is one of the vendor. Asking goes on; the order is kept while it is valid.',
    },
  );
}
