/**
 * Gives up the authorizations of the live certificate's order (RFC 8555 §7.5.2): whoever steals the account key later
 * cannot issue from them without DNS. Best effort, after the certificate is served, a few at a time. Never one that the CA
 * has reused for the order that is open: that order would become invalid (§7.1.6), and its own certificate gives it up.
 */
import type { PhaseContext } from './context.ts';

/** Authorizations in one step: what one run sends to the outside is bounded (DESIGN §13). */
const PER_STEP = 10;
/** Failures in a row after which the rest is left to expire. */
export const DEACTIVATION_TRIES = 5;

export async function deactivate(context: PhaseContext): Promise<void> {
  const { live, issuance } = context.state;
  if (live === null) return;
  const reused = issuance?.order?.authorizations ?? [];
  live.authorizations = live.authorizations.filter((url) => !reused.includes(url));
  if (live.authorizations.length === 0 || live.authority === null || !context.ports.acme.deactivatesAuthorizations(live.authority)) {
    live.authorizations = [];
    context.persist();
    return;
  }
  const session = await context.session(live.authority);
  for (const url of live.authorizations.slice(0, PER_STEP)) {
    await session.deactivate(url);
    // One that is closed already is success, so what was not written down is only asked for again.
    live.authorizations = live.authorizations.filter((open) => open !== url);
  }
  live.deactivation = undefined;
  context.persist();
}
