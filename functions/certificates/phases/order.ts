/**
 * newOrder (RFC 8555 §7.4): once per attempt, and only after DNS has been looked at; the order's URL is persisted as soon as
 * it is known.
 */
import { clustersOf, enterPhase, inspectIntent, issuanceOf, type PhaseContext, withIntent } from './context.ts';

/** The transport gives up after this long, ms. */
const ORDER_DEADLINE_MS = 15_000;

export async function placeOrder(context: PhaseContext): Promise<void> {
  const issuance = issuanceOf(context);
  // A call whose reply was lost may have left a *pending* order behind. It cannot be asked for by anything but its URL,
  // so it is abandoned (a CA that reuses orders returns the same one); nothing was finalized.
  if (inspectIntent(context) === 'wait') return;
  const session = await context.session();
  issuance.accountUrl = session.accountUrl;
  const { spec } = issuance;
  // What the CA would refuse is found out before an order is spent on it.
  await context.ports.dns.preflight(spec.domains, { identities: [...session.caaIdentities], accountUrl: session.accountUrl }, clustersOf(issuance));
  // RFC 9773 §5: the predecessor must belong to this account.
  const replaces = context.state.live?.accountUrl === session.accountUrl ? issuance.replaces : null;
  const {
    replacesRefused: _refused,
    profile: _profile,
    ...order
  } = await withIntent(context, 'order', ORDER_DEADLINE_MS, () =>
    session.newOrder({
      names: spec.domains,
      profile: spec.profile,
      replaces,
      attempt: `${issuance.id}-${issuance.attempt}`,
      inWindow: false,
      emergency: false,
      fallback: false,
    }),
  );
  issuance.order = order;
  issuance.nonce = session.nonce();
  enterPhase(context, 'present');
  context.persist();
}
