/** What a rate limit of a CA counts by: the account, a registered domain, a set of names, the failures of a name. Pure. */
import { getDomain } from 'tldts';

/** Longest set that is named in full; longer ones end in a digest. */
const LONGEST_SET = 3_000;

export const ACCOUNT_SCOPE = 'account';
export const AUTHORITY_SCOPE = 'authority';

/** The same for the same names in any order. */
export function setScope(names: readonly string[]): string {
  const joined = [...new Set(names)].toSorted().join(',');
  return `set:${joined.length <= LONGEST_SET ? joined : `${joined.slice(0, LONGEST_SET)}#${names.length}-${digest(joined)}`}`;
}

export function domainScope(domain: string): string {
  return `domain:${domain}`;
}

/** A wildcard and its base are validated, and fail, apart. */
export function failureScope(name: string): string {
  return `failures:${name}`;
}

/** Public suffix plus one label, private suffixes included, each once; a name that is a suffix itself counts as itself. */
export function registeredDomains(names: readonly string[]): string[] {
  return [...new Set(names.map((name) => name.replace(/^\*\./, '')).map((name) => getDomain(name, { allowPrivateDomains: true }) ?? name))].toSorted();
}

/** FNV-1a, 32 bits: tells sets apart whose first 3,000 characters agree. */
function digest(text: string): string {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193) >>> 0;
  return hash.toString(16).padStart(8, '0');
}
