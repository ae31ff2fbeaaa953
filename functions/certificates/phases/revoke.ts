/**
 * Revokes the live certificate (RFC 8555 §7.6). The wish is persisted before, and a certificate that is revoked already is
 * success: a repeat after a crash is harmless. `renewal.ts` makes the replacement due at once.
 */
import { PerennialError } from '../../../shared/errors.ts';
import { REVOCATION_REASONS } from '../revocation.ts';
import type { PhaseContext } from './context.ts';

export async function revoke(context: PhaseContext): Promise<void> {
  const { state, ports } = context;
  const { live, record } = state;
  const { revocation } = record;
  if (revocation === null) return;
  if (live?.leaf.sha256 !== revocation.sha256) {
    record.revocation = null;
    context.event('revocation-void', `The certificate ${revocation.sha256} was replaced before it could be revoked; it was not revoked.`, 'warning');
    context.persist();
    return;
  }
  const { reason, signer } = revocation;
  // Nobody knows which CA issued a certificate that was adopted; the first one says so if it was another.
  const authority = live.authority ?? record.spec.authorities[0];
  if (authority === undefined) throw new PerennialError('internal_no_authority', 'A specification without a CA cannot revoke.');
  const session = await context.session(authority);
  await session.revoke(live.chain, reason, signer === 'account' ? null : signerFor(context, live.issuance, live.chain, reason));
  live.revoked = { at: context.clock(), reason };
  record.revocation = null;
  context.event(
    'revoked',
    `The certificate ${live.leaf.sha256} was revoked at ${authority}, reason ${REVOCATION_REASONS[reason] ?? reason}. It is replaced at once.`,
    'warning',
  );
  context.persist();

  function signerFor({ state: { deliveries } }: PhaseContext, issuance: string | null, chain: string, code: number) {
    const cluster = deliveries[0]?.spec.cluster ?? record.spec.deliveries[0]?.cluster;
    if (issuance === null || cluster === undefined)
      throw new PerennialError('revocation_key_unknown', 'The key of this certificate is not one that a relay has made.', {
        hint: 'Revoke it with the account key instead.',
      });
    return async ({ url, nonce }: { url: string; nonce: string }) =>
      (await ports.relay.signRevocation(cluster, issuance, { chain, reason: code, url, nonce })).jws;
  }
}
