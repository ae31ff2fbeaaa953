/**
 * After an import: do the restored facts still hold? The cluster is the witness. It may serve what the backup knows, what
 * the backup's open issuance has led to since, or a pair that is newer than both.
 */
import type { Chain } from '../../../shared/x509/chain.ts';
import { isOf } from '../certificate-dump.ts';
import type { CertificateState, DeliveryState } from '../state.ts';
import { operationId, type PhaseContext } from './context.ts';

/** An object asks its cluster with facts at hand only after an import: whoever has some was there already. */
export function isRestored({ live, issuance }: CertificateState): boolean {
  return live !== null || issuance !== null;
}

/**
 * @param served the healthy pair that every target has, else null.
 * @returns true when the restored facts hold; false when `served` is to be adopted in their place.
 */
export async function settleRestored(context: PhaseContext, served: Chain | null): Promise<boolean> {
  const { state } = context;
  const { live, issuance } = state;
  const latest = issuance?.issued?.leaf ?? live?.leaf ?? null;
  const known = served === null || served.leaf.sha256 === live?.leaf.sha256 || (issuance !== null && isOf(issuance, served.leaf));
  // A backup without any certificate knows less than whatever is served; an older pair than its own is somebody's doing.
  if (!known && (latest === null || served.leaf.notBefore > latest.notBefore)) {
    await giveUp(context);
    return false;
  }
  state.deliveries = state.deliveries.map((delivery): DeliveryState => (delivery.step === 'done' ? { ...delivery, verifiedAt: 0 } : delivery));
  context.event('restored', `The state of a backup was brought back; ${issuance === null ? 'nothing is ordered' : 'its open issuance goes on'}.`);
  return true;
}

/** What came after the backup has replaced its issuance. */
async function giveUp(context: PhaseContext): Promise<void> {
  const { state } = context;
  const { issuance } = state;
  state.live = null;
  state.ari = null;
  state.issuance = null;
  context.event('superseded', 'The cluster serves a newer certificate than the backup knows; it is adopted.');
  if (issuance === null || issuance.cleaned || issuance.placed.length === 0) return;
  // Best effort: the ledger has the rows, and the zone's janitor removes what stays.
  await context.ports.dns.cleanUp(issuance.id, operationId(issuance, 'clean-up'), issuance.placed).catch(() => undefined);
}
