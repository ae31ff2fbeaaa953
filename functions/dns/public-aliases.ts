/** CNAMEs as the public sees them, for names whose vendor we cannot ask. */
import { type AskAuthorities, consensus } from './authorities.ts';
import { DnsError } from './dns-error.ts';
import type { AskResolver, Resolver } from './doh.ts';

export interface PublicAliasDependencies {
  resolvers: readonly Resolver[];
  ask: AskResolver;
  authorities: AskAuthorities;
}

/**
 * From the authoritative servers: a resolver that once said "no" goes on saying so after the CNAME was created. Where no
 * relay can ask them, from the first resolver that answers. A name is missing when it is no alias, or nobody can tell.
 */
export async function publicAliases(
  names: readonly string[],
  vias: readonly string[],
  { resolvers, ask, authorities }: PublicAliasDependencies,
): Promise<ReadonlyMap<string, string>> {
  const results = await authorities(
    names.map((name) => ({ name, type: 'CNAME' })),
    vias,
  );
  const found = new Map<string, string>();
  for (const name of names) {
    const answer = consensus(results?.find((result) => result.name === name));
    const target = answer === null ? await aliasByResolver(name, resolvers, ask) : (answer.values[0] ?? answer.cname ?? undefined);
    if (target !== undefined) found.set(name, target);
  }
  return found;
}

async function aliasByResolver(name: string, resolvers: readonly Resolver[], ask: AskResolver): Promise<string | undefined> {
  for (const resolver of resolvers) {
    try {
      return (await ask(resolver, name, 'CNAME')).values[0];
    } catch (thrown) {
      if (!(thrown instanceof DnsError)) throw thrown;
    }
  }
  return undefined;
}
