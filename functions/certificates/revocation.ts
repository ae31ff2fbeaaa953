/** Revocation on request of a person (RFC 8555 §7.6): what may be asked for, and when it is due. Pure. */
import { z } from 'zod';
import { PerennialError } from '../../shared/errors.ts';
import { moment } from '../../shared/moment.ts';
import type { FailureClass } from './ports.ts';
import type { CertificateState, WantedRevocation } from './state.ts';

/** RFC 5280 §5.3.1 `keyCompromise`: the key is never used again. */
export const KEY_COMPROMISE = 1;

/** Reasons that the CA/Browser Forum lets a subscriber give (Baseline Requirements §4.9.1.1, §7.2.2). */
export const REVOCATION_REASONS: Readonly<Record<number, string>> = {
  0: 'unspecified',
  [KEY_COMPROMISE]: 'keyCompromise',
  3: 'affiliationChanged',
  4: 'superseded',
  5: 'cessationOfOperation',
};

export const revocationRequestSchema = z.strictObject({
  /** SHA-256 of the leaf that is meant, hex; the live one when absent. */
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .optional(),
  reason: z
    .number()
    .int()
    .refine((reason) => reason in REVOCATION_REASONS),
  /** With which key it is signed: our account's at the CA, or the certificate's own, in its cluster. */
  signer: z.enum(['account', 'certificate']),
});
export type RevocationRequest = z.infer<typeof revocationRequestSchema>;

/**
 * @throws PerennialError `revocation_reason_not_allowed`, `certificate_not_live`, `revocation_not_live`,
 * `revocation_done`, `revocation_key_unknown`.
 */
export function acceptRevocation(state: CertificateState | null, request: unknown): WantedRevocation {
  const parsed = revocationRequestSchema.safeParse(request);
  if (!parsed.success) {
    const allowed = Object.entries(REVOCATION_REASONS).map(([number, name]) => `${number} (${name})`);
    throw new PerennialError('revocation_reason_not_allowed', 'This is not a revocation that a CA accepts from a subscriber.', {
      hint: `Give a signer, "account" or "certificate", and one of these reasons: ${allowed.join(', ')}.`,
    });
  }
  const { reason, signer } = parsed.data;
  const live = state?.live ?? null;
  if (live === null) throw new PerennialError('certificate_not_live', 'There is no live certificate to revoke.');
  const sha256 = parsed.data.sha256 ?? live.leaf.sha256;
  if (sha256 !== live.leaf.sha256)
    throw new PerennialError('revocation_not_live', `The live certificate is ${live.leaf.sha256}, not the one that is to be revoked.`, {
      hint: 'It was renewed meanwhile. Look at the certificate again and say which one is meant.',
    });
  if (live.revoked !== null)
    throw new PerennialError('revocation_done', `The live certificate was revoked at ${moment(live.revoked.at)}; its replacement is on its way.`);
  if (signer === 'certificate' && live.issuance === null)
    throw new PerennialError(
      'revocation_key_unknown',
      'The live certificate was adopted: its key is not one that the relay has made, so the relay cannot sign with it.',
      {
        hint: 'Revoke it with the account key if this account has issued it, else where its key is kept.',
      },
    );
  return { sha256, reason, signer };
}

/** Failures in a row after which the issuance of the replacement no longer waits with its completion. */
const TRIES_BEFORE_COMPLETION = 5;

/** Unix ms of the next try of a revocation that is wanted and not done; null when nothing is to be tried. */
export function revocationAt({ record: { revocation } }: CertificateState): number | null {
  return revocation === null || revocation.failure?.stopped === true ? null : (revocation.failure?.retryAt ?? 0);
}

/** Refusals that no repetition changes: a person decides. */
export function revocationStops(failureClass: FailureClass, code: string): boolean {
  return failureClass === 'permanent' || failureClass === 'account' || failureClass === 'paused' || code === 'key_missing' || code === 'relay_too_old';
}

/** Completing an issuance forgets the certificate before it, and with it what is to be revoked: that comes first, within reason. */
export function holdsCompletion(state: CertificateState): boolean {
  return revocationAt(state) !== null && (state.record.revocation?.failure?.count ?? 0) < TRIES_BEFORE_COMPLETION;
}

/** The key was given away: what is being issued for it is not wanted any more. */
export function issuesForCompromisedKey({ live, issuance }: CertificateState): boolean {
  return live?.revoked?.reason === KEY_COMPROMISE && issuance?.key?.spki === live.leaf.spki;
}
