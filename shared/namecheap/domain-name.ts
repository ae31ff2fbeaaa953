/**
 * A domain as the API wants it, in two halves: `example.co.uk` is SLD `example` and TLD `co.uk`.
 *
 * The first label is the SLD and all the rest the TLD; no list of public suffixes is asked, because the domain itself is
 * known. Sub-zones of FreeDNS are split elsewhere (`1605.carlini` and `com`): those are written out in the relay's law.
 */
export interface SplitDomain {
  sld: string;
  tld: string;
}

/** @param domain lower-case A-labels with at least one dot, without trailing dot. */
export function splitDomain(domain: string): SplitDomain {
  const dot = domain.indexOf('.');
  if (dot <= 0 || dot === domain.length - 1) throw new RangeError(`${domain} is no domain of two labels or more.`);
  return { sld: domain.slice(0, dot), tld: domain.slice(dot + 1) };
}

export function joinDomain({ sld, tld }: SplitDomain): string {
  return `${sld}.${tld}`;
}

/** The longest of `domains` that `name` is or lies below; null when there is none. */
export function domainOf(name: string, domains: readonly string[]): string | null {
  const holding = domains.filter((domain) => name === domain || name.endsWith(`.${domain}`));
  return holding.toSorted((a, b) => b.length - a.length)[0] ?? null;
}
