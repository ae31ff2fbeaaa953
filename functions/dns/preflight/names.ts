/** Names of a certificate as challenges see them, and whether a challenge for them fits into DNS. Pure. */
import { DnsError } from '../dns-error.ts';
import { canonical } from '../doh.ts';
import { challengeName } from '../placement.ts';
import type { CertifiedName } from './caa-check.ts';

/** RFC 1035 §2.3.4, in characters of the presentation form without final dot. */
const MAX_NAME = 253;
const MAX_LABEL = 63;

export function certifiedName(domain: string): CertifiedName {
  const name = canonical(domain);
  return name.startsWith('*.') ? { domain: name, base: name.slice(2), wildcard: true } : { domain: name, base: name, wildcard: false };
}

/** @throws DnsError `dns_name_too_long`. */
export function refuseLongNames(names: readonly CertifiedName[]): void {
  for (const { domain, base } of names) {
    const challenge = challengeName(base);
    const label = challenge.split('.').find(({ length }) => length > MAX_LABEL);
    if (challenge.length <= MAX_NAME && label === undefined) continue;
    const parent = base.slice(base.indexOf('.') + 1);
    throw new DnsError(
      'dns_name_too_long',
      label === undefined
        ? `The challenge for ${domain} would stand at a name of ${challenge.length} characters; DNS allows ${MAX_NAME}.`
        : `${domain} has a label of ${label.length} characters; DNS allows ${MAX_LABEL}.`,
      { hint: `Certify *.${parent} instead, or shorten the name.`, details: { domain, name: challenge, length: challenge.length } },
    );
  }
}
