/** The zone that public DNS puts a name into. */
import type { AskResolver, Resolver } from './doh.ts';

/**
 * Asks above the name where that is a challenge: a resolver that is asked for it before it exists remembers its denial
 * (RFC 2308 §5), and so would not show the record when it is there.
 * @param isChallenge whether a record of ours is to stand at the name itself.
 * @returns null when no zone is found. @throws DnsError `dns_resolver_failed`.
 */
export async function publicApex(name: string, resolver: Resolver, ask: AskResolver, isChallenge: (name: string) => boolean): Promise<string | null> {
  for (let asked = isChallenge(name) ? parentOf(name) : name; asked.includes('.'); asked = parentOf(asked)) {
    const { apex } = await ask(resolver, asked, 'SOA');
    // An alias is answered with the zone of its target, which says nothing about the name.
    if (apex !== null && (name === apex || name.endsWith(`.${apex}`))) return apex;
  }
  return null;
}

function parentOf(name: string): string {
  return name.slice(name.indexOf('.') + 1);
}
