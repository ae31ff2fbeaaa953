/** Takes back exactly the records this issuance wrote. Runs on success and on every failure; safe to repeat. */
import { issuanceOf, operationId, type PhaseContext } from './context.ts';

export async function cleanUp(context: PhaseContext): Promise<void> {
  const issuance = issuanceOf(context);
  await context.ports.dns.cleanUp(issuance.id, operationId(issuance, 'clean-up'), issuance.placed);
  issuance.cleaned = true;
  issuance.placed = [];
  issuance.cleanUpFailures = 0;
  context.persist();
}
