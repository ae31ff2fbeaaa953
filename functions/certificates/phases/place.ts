/** A place among the certificates that one CA issues at once (`functions/acme/places.ts`): taken before an order, given back. */
import { SECOND } from '../../../shared/clock.ts';
import { issuanceOf, type PhaseContext } from './context.ts';

/** Whoever waits longer than this for the next try lets somebody else start meanwhile, ms. */
const LONG_WAIT_MS = 30 * SECOND;

/** @returns false when all are taken: the issuance waits, and is called. */
export async function takePlace(context: PhaseContext): Promise<boolean> {
  const issuance = issuanceOf(context);
  const askAgainAt = await context.ports.acme.enter(issuance.authority);
  if (askAgainAt === null) return true;
  issuance.waitUntil = askAgainAt;
  context.persist();
  return false;
}

/** Best effort: a place that is not given back is free again after its lease. */
export async function givePlaceBack(context: PhaseContext): Promise<void> {
  await context.ports.acme.leave(issuanceOf(context).authority).catch(() => undefined);
}

/** After a failure: an issuance whose next try is far off keeps nobody out, and goes on without a place. */
export async function makeRoom(context: PhaseContext): Promise<void> {
  const { issuance } = context.state;
  if (issuance === null || issuance.issued !== null || issuance.failure === null) return;
  if (issuance.failure.stopped || issuance.failure.retryAt - context.clock() > LONG_WAIT_MS) await givePlaceBack(context);
}
