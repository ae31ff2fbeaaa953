/** The CAA records that let exactly our account issue, by DNS challenges only (RFC 8659, RFC 8657). Pure. */
import type { AuthorityIdentity } from './ports.ts';

/** What fits unquoted into a parameter (RFC 8659 §4.2). */
const PARAMETER = /^[\x21-\x3a\x3c-\x7e]+$/;
const DOMAIN = /^[a-z0-9-]+(\.[a-z0-9-]+)*$/;

/** `issue` and `issuewild` for each name of the CA; or, as a sentence, why they cannot be made. */
export function managedCaa(authority: string, { identities, accountUrl }: AuthorityIdentity): { values: string[] } | { why: string } {
  if (accountUrl === null) return { why: `No account is registered at ${authority} yet: its first certificate registers one.` };
  const names = identities.map((identity) => identity.toLowerCase()).filter((identity) => DOMAIN.test(identity));
  if (names.length === 0)
    return {
      why: `${authority} does not say by which name CAA records know it (caaIdentities of its directory). If you know it, write in [ca.${authority}]: caa = ["…"]`,
    };
  if (!PARAMETER.test(accountUrl) || accountUrl.includes('"') || accountUrl.includes('\\'))
    return { why: `The account URL of ${authority} does not fit into a CAA record.` };
  const parameters = `accounturi=${accountUrl}; validationmethods=dns-01`;
  return { values: names.flatMap((name) => ['issue', 'issuewild'].map((tag) => `0 ${tag} "${name}; ${parameters}"`)) };
}
