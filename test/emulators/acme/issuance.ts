/** Signing the leaf of a finalized order. */
import type * as x509 from '@peculiar/x509';
import type { Authority } from './authority.ts';
import { AcmeProblem } from './problem.ts';
import type { Order } from './records.ts';
import { newId } from './records.ts';
import { certificateIdentifier } from './renewal-information.ts';

/** CAs date certificates back a little, for clients whose clocks are slow. */
const BACKDATE_MS = 3_600_000;

export async function issueCertificate(authority: Authority, order: Order, publicKey: x509.PublicKey): Promise<void> {
  const { profiles, defaultProfile } = authority.settings;
  const profile = profiles[order.profile ?? defaultProfile];
  try {
    if (profile === undefined) throw new Error(`profile ${order.profile ?? defaultProfile} is gone`);
    const now = authority.clock();
    // X.509 knows whole seconds only.
    const notBefore = Math.floor((now - BACKDATE_MS) / 1_000) * 1_000;
    const notAfter = Math.floor(now / 1_000) * 1_000 + profile.validitySeconds * 1_000;
    const leaf = await authority.ca.issue(
      authority.settings.alterLeaf({
        publicKey,
        names: order.names,
        commonName: profile.commonName,
        notBefore: new Date(notBefore),
        notAfter: new Date(notAfter),
      }),
    );
    const id = newId();
    authority.records.certificates.set(id, {
      id,
      accountId: order.accountId,
      orderId: order.id,
      names: order.names,
      identifier: certificateIdentifier(leaf),
      leaf,
      notBefore,
      notAfter,
      revoked: undefined,
    });
    order.certificateId = id;
  } catch {
    order.error = new AcmeProblem('serverInternal', 500, 'Error finalizing order').document;
  }
}
