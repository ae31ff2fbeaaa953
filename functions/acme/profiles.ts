/** Which profile an order asks for (draft-ietf-acme-profiles §4). */
import { PerennialError } from '../../shared/errors.ts';
import type { WantedOrder } from '../certificates/ports.ts';
import type { Authority } from '../config/configuration.ts';
import { plainText } from './problem.ts';

type Profiles = Record<string, string>;

/**
 * The CA's own configured profile, else the certificate's. One that the CA does not list is an error, never a silent default;
 * but a CA that stands in for another and knows no profiles at all gets none.
 * @param listed in the directory at hand. @param refreshed reads it afresh. Throws `acme_profile_unknown`.
 */
export async function profileFor(
  authority: Authority,
  wanted: Pick<WantedOrder, 'profile' | 'fallback'>,
  listed: Profiles | undefined,
  refreshed: () => Promise<Profiles | null>,
): Promise<string | null> {
  const profile = authority.profile ?? wanted.profile;
  if (profile === null || Object.hasOwn(listed ?? {}, profile)) return profile;
  const offered = Object.keys((await refreshed()) ?? {});
  if (offered.includes(profile)) return profile;
  // The wish was for the CA before; what is configured for this one is meant for it.
  if (offered.length === 0 && wanted.fallback === true && authority.profile === null) return null;
  const list = offered.length === 0 ? 'It offers none at all.' : `It offers: ${plainText(offered.join(', '), 500)}.`;
  throw new PerennialError('acme_profile_unknown', `The CA "${authority.name}" offers no profile "${profile}". ${list}`, {
    hint: offered.length === 0 ? 'Remove `profile` for this CA.' : 'Choose one of the offered profiles or remove `profile`.',
  });
}
