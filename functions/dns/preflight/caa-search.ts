/** The relevant CAA record set of a name (RFC 8659 §3): its own, else the closest one above it, through aliases. */

/** CAA at one name; no values: none stands there. */
export interface CaaSet {
  /** Where it stands: the end of the alias, when the name asked for is one. */
  owner: string;
  values: string[];
}

/** @returns null when nobody can say. */
export type CaaLookup = (name: string) => Promise<CaaSet | null>;

/** The names a CA asks, in its order: the name itself up to the top-level domain. */
export function caaNames(name: string): string[] {
  const labels = name.split('.');
  return labels.map((_, index) => labels.slice(index).join('.'));
}

/**
 * @returns an empty set when there is none anywhere, and null as soon as one on the way cannot be asked: what is above it
 * may not be what counts.
 */
export async function relevantCaa(name: string, lookup: CaaLookup): Promise<CaaSet | null> {
  for (const candidate of caaNames(name)) {
    const found = await lookup(candidate);
    if (found === null || found.values.length > 0) return found;
  }
  return { owner: name, values: [] };
}
