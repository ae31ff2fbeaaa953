/** Takes back exactly the records this issuance wrote. Runs on success and on every failure; safe to repeat. */
import { issuanceOf, type PhaseContext } from './context.ts';

export async function cleanUp(context: PhaseContext): Promise<void> {
  const issuance = issuanceOf(context);
  await context.ports.dns.cleanUp(issuance.id, `${issuance.id}-clean-${issuance.attempt}`, issuance.placed);
  issuance.cleaned = true;
  issuance.placed = [];
  context.persist();
}
