/**
 * newOrder (RFC 8555 §7.4): once per attempt, and only after DNS has been looked at; the order's URL is persisted as soon as
 * it is known.
 */
import { isEmergency, REASONS } from '../renewal.ts';
import type { Ari } from '../state.ts';
import { clustersOf, enterPhase, inspectIntent, issuanceOf, type PhaseContext, withIntent } from './context.ts';
import { takePlace } from './place.ts';

/** The transport gives up after this long, ms. */
const ORDER_DEADLINE_MS = 15_000;

/** Reasons that may spend what is kept in reserve of a CA's limits. */
const EMERGENCIES: ReadonlySet<string> = new Set([REASONS.incident, REASONS.revoked, REASONS.emergency, REASONS.forced]);

export async function placeOrder(context: PhaseContext): Promise<void> {
  const issuance = issuanceOf(context);
  // A call whose reply was lost may have left a *pending* order behind. It cannot be asked for by anything but its URL,
  // so it is abandoned (a CA that reuses orders returns the same one); nothing was finalized.
  if (inspectIntent(context) === 'wait') return;
  const { spec } = issuance;
  if (!(await takePlace(context))) return;
  // What the CA would refuse is found out before an order is spent on it; and before an account is registered, because a
  // record that pins one says that we had another (lost state), or that this CA is not wanted.
  const identity = await context.ports.acme.identity(issuance.authority);
  await context.ports.dns.preflight(spec.domains, identity, clustersOf(issuance));
  const session = await context.session();
  issuance.accountUrl = session.accountUrl;
  // RFC 9773 §5: the predecessor must belong to this account.
  const replaces = context.state.live?.accountUrl === session.accountUrl ? issuance.replaces : null;
  const { replacesRefused, profile, ...order } = await withIntent(context, 'order', ORDER_DEADLINE_MS, () =>
    session.newOrder({
      names: spec.domains,
      profile: spec.profile,
      replaces,
      attempt: `${issuance.id}-${issuance.attempt}`,
      inWindow: replaces !== null && insideWindow(context.state.ari, replaces, context.clock()),
      emergency: EMERGENCIES.has(issuance.reason) || nearlyOver(context),
      fallback: issuance.authority !== spec.authorities[0],
    }),
  );
  issuance.order = order;
  issuance.nonce = session.nonce();
  enterPhase(context, 'present');
  if (replacesRefused !== null) {
    // Not sent again, and not said again: what the CA refuses to have replaced it will refuse next time.
    issuance.replaces = null;
    context.event('replaces-refused', `The CA took the order as a new one instead of a replacement: ${replacesRefused}`, 'warning');
  }
  if (profile === null && spec.profile !== null)
    context.event('profile-left-out', `${issuance.authority} knows no profile "${spec.profile}"; its default was ordered.`, 'warning');
  context.persist();
}

/** An issuance that began in time may have come to the last twentieth of the lifetime meanwhile. */
function nearlyOver({ state: { live }, clock }: PhaseContext): boolean {
  return live !== null && isEmergency(clock(), live.leaf);
}

/** RFC 9773 §4.2: the CA exempts a replacement from its limits while now lies inside the window. */
function insideWindow(ari: Ari | null, certId: string, now: number): boolean {
  return ari !== null && ari.certId === certId && ari.start !== null && ari.end !== null && ari.start <= now && now < ari.end;
}
