/** `POST /api/v1/certificates/:name/revoke`: cannot be taken back, so it names the very certificate that is meant. */
import type { Context } from 'hono';
import { z } from 'zod';
import { PerennialError, unwrap } from '../../shared/errors.ts';
import { parseJsonBody, readText } from './body.ts';
import { refuseWhileInvalid } from './api.ts';
import type { WebDependencies } from './dependencies.ts';
import { REVOCATION_REASON_NAMES, REVOCATION_REASONS, type RevocationReasonName } from './revocation-reasons.ts';

const MAX_BODY_BYTES = 2_048;

const bodySchema = z.strictObject({
  reason: z.enum(REVOCATION_REASON_NAMES),
  signer: z.enum(['account', 'certificate']).default('account'),
  sha256: z.string().regex(/^[0-9a-f]{64}$/, 'not a SHA-256 in 64 small hexadecimal digits'),
  /** What a person has typed into the form; programs name the fingerprint. */
  confirm: z.string().max(100).optional(),
});
const EXAMPLE = '{"reason":"superseded","signer":"account","sha256":"<fingerprint of the live certificate>"}';

export interface AcceptedRevocation {
  certificate: string;
  sha256: string;
  reason: RevocationReasonName;
  signer: 'account' | 'certificate';
}

/** @throws PerennialError `revocation_not_confirmed`, `certificate_unknown`, `revocation_not_live`, what the certificate refuses. */
export async function revoke(deps: WebDependencies, context: Context): Promise<AcceptedRevocation> {
  const name = context.req.param('name') ?? '';
  const text = await readText(context.req.raw, MAX_BODY_BYTES);
  const form = context.req.header('content-type')?.startsWith('application/x-www-form-urlencoded') === true;
  const { reason, signer, sha256, confirm } = parseJsonBody(form ? JSON.stringify(Object.fromEntries(new URLSearchParams(text))) : text, bodySchema, EXAMPLE);
  if (form && confirm?.trim() !== name)
    throw new PerennialError('revocation_not_confirmed', 'The name that was typed is not that of the certificate; nothing was revoked.');
  refuseWhileInvalid(deps);
  const view = await deps.fleet.certificate(name);
  if (view === null) throw new PerennialError('certificate_unknown', 'There is no certificate of that name.', { hint: 'GET /api/v1/certificates lists them.' });
  if (view.live === null) throw new PerennialError('certificate_not_live', `There is no live certificate of ${name} to revoke.`);
  if (view.live.sha256 !== sha256)
    throw new PerennialError('revocation_not_live', `The live certificate of ${name} has another fingerprint; nothing was revoked.`, {
      hint: `It is ${view.live.sha256} now. Look at it again, and name that one if it is meant.`,
    });
  unwrap(await deps.certificate(name).revoke({ sha256, reason: REVOCATION_REASONS[reason], signer }));
  return { certificate: name, sha256, reason, signer };
}
