/**
 * CAA of every name of a certificate. Authoritative servers are asked for all names at once through a relay. Only when
 * they forbid the CA, public resolvers are asked as well: inside a cluster a zone may look different from outside, and a
 * refusal that is not certain would stop a renewal for nothing.
 */
import { consensus } from '../authorities.ts';
import { DnsError } from '../dns-error.ts';
import type { CaaIdentity } from '../../certificates/ports.ts';
import type { DnsResult } from '../../../shared/relay/contract.ts';
import { MAX_ALIASES } from '../placement.ts';
import { type CaaRefusal, refusedByCaa } from './caa.ts';
import { type CaaLookup, caaNames, type CaaSet, relevantCaa } from './caa-search.ts';
import type { Questions } from './questions.ts';

/** Batches for aliases of aliases; what is behind them is asked of resolvers, which follow by themselves. */
const ALIAS_ROUNDS = 3;

export interface CertifiedName {
  /** As certified. */
  domain: string;
  /** Without `*.`. */
  base: string;
  wildcard: boolean;
}

/** What the authoritative servers say, by name; empty when no relay can ask them. */
export async function authoritativeCaa(bases: readonly string[], questions: Questions): Promise<ReadonlyMap<string, DnsResult>> {
  const known = new Map<string, DnsResult>();
  // What stands high up counts for many names: it is asked first, in case not everything can be.
  let wanted = [...new Set(bases.flatMap(caaNames))].toSorted((a, b) => a.split('.').length - b.split('.').length);
  for (let round = 0; round < ALIAS_ROUNDS && wanted.length > 0; round += 1) {
    const results = await questions.authorities(wanted.map((name) => ({ name, type: 'CAA' })));
    for (const result of results ?? []) known.set(result.name, result);
    wanted = [...new Set((results ?? []).flatMap((result) => consensus(result)?.cname ?? []))].filter((name) => !known.has(name));
  }
  return known;
}

/**
 * @throws DnsError `dns_caa_forbids` with the record, what it says, and what to write; `dns_caa_account_pinned` while no
 * account is registered and the record lets only one that was registered before issue.
 */
export async function checkCaa(
  names: readonly CertifiedName[],
  authority: CaaIdentity,
  known: ReadonlyMap<string, DnsResult>,
  questions: Questions,
): Promise<void> {
  const resolved = resolverLookup(questions);
  const nearest = authoritativeLookup(known, resolved);
  for (const name of names) {
    const judge = (set: CaaSet | null) => (set === null ? null : refusedByCaa(set.values, { ...authority, wildcard: name.wildcard }));
    const set = await relevantCaa(name.base, nearest);
    const refusal = judge(set);
    if (set === null || refusal === null) continue;
    const outside = await relevantCaa(name.base, resolved);
    if (outside !== null && judge(outside) === null) continue;
    throw refusal.pins === undefined ? forbids(name, set, refusal, authority) : accountLost(name, set, refusal.pins, authority);
  }
}

function resolverLookup(questions: Questions): CaaLookup {
  return async (name) => {
    const answer = await questions.anyResolver(name, 'CAA');
    return answer === null ? null : { owner: answer.owner ?? name, values: answer.values };
  };
}

function authoritativeLookup(known: ReadonlyMap<string, DnsResult>, resolved: CaaLookup): CaaLookup {
  return async (name) => {
    let owner = name;
    for (let hop = 0; hop <= MAX_ALIASES; hop += 1) {
      const answer = consensus(known.get(owner));
      if (answer === null) break;
      if (answer.cname === null) return { owner, values: answer.values };
      owner = answer.cname;
    }
    return resolved(name);
  };
}

function forbids({ domain }: CertifiedName, { owner, values }: CaaSet, { reason, advice }: CaaRefusal, { identities }: CaaIdentity): DnsError {
  const found = values.join(', ');
  return new DnsError('dns_caa_forbids', `The CAA record at ${owner} does not let ${identities[0] ?? 'the CA'} issue for ${domain}: ${found}; ${reason}.`, {
    hint: `At ${owner}, type CAA: ${advice} Nothing was ordered; the next attempt looks again.`,
    details: { domain, name: owner, found: found.slice(0, 1_000), advice },
  });
}

/** Registering another account would only make an account that may not issue; the one that may can be brought back. */
function accountLost({ domain }: CertifiedName, { owner, values }: CaaSet, pins: string, { identities }: CaaIdentity): DnsError {
  const ca = identities[0] ?? 'the CA';
  return new DnsError(
    'dns_caa_account_pinned',
    `The CAA record at ${owner} lets ${ca} issue for ${domain} only for the account ${pins}, which is not known here: its key was lost, or it is somebody else's. No account was registered and nothing was ordered.`,
    {
      hint: `Bring that account back from a backup: npm run import. Or, if it is given up for good, remove accounturi from the CAA record at ${owner}; a new account is registered then.`,
      details: { domain, name: owner, found: values.join(', ').slice(0, 1_000), account: pins.slice(0, 500) },
    },
  );
}
