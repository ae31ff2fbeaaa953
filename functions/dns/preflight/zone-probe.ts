/**
 * A zone as the public sees it: which name servers it is delegated to, and whether its signatures validate. What is found
 * against it counts only if nobody who can be asked says otherwise.
 */
import { consensus } from '../authorities.ts';
import { DnsError } from '../dns-error.ts';
import type { Questions } from './questions.ts';

export interface ProbedZone {
  name: string;
  /** Name servers that the registrar must name; null when the vendor does not say: then the delegation is not judged. */
  vendorServers: readonly string[] | null;
  /** The `[dns.x]` block that writes there. */
  block: string;
}

/**
 * A zone that is delegated to the vendor and to others as well passes: the others may copy it, and propagation asks each.
 * @throws DnsError `dns_not_delegated`, `dns_dnssec_bogus`.
 */
export async function checkZone(zone: ProbedZone, questions: Questions): Promise<void> {
  const seen: (readonly string[])[] = [];
  for (const resolver of questions.resolvers) {
    const answer = await questions.resolver(resolver, zone.name, 'NS');
    if (answer === null || answer === 'servfail') continue;
    if (isDelegated(zone, answer.values)) return;
    seen.push(answer.values);
  }
  if (seen.length === 0) await refuseBogus(zone.name, questions);
  if (zone.vendorServers === null) return;
  const [result] = (await questions.authorities([{ name: zone.name, type: 'NS' }])) ?? [];
  const authoritative = consensus(result);
  if (authoritative !== null && isDelegated(zone, authoritative.values)) return;
  const [delegated] = [...seen, ...(authoritative === null ? [] : [authoritative.values])];
  if (delegated !== undefined) throw notDelegated(zone, delegated, zone.vendorServers);
}

/**
 * SERVFAIL of every resolver, and an answer when one is told not to check (RFC 4035 §5.5).
 * @throws DnsError `dns_dnssec_bogus`.
 */
export async function refuseBogus(name: string, questions: Questions): Promise<void> {
  for (const resolver of questions.resolvers) {
    if ((await questions.resolver(resolver, name, 'NS')) !== 'servfail') return;
  }
  const [first] = questions.resolvers;
  const unchecked = first === undefined ? null : await questions.resolver(first, name, 'NS', true);
  if (unchecked === null || unchecked === 'servfail') return;
  const zone = unchecked.apex ?? name;
  throw new DnsError(
    'dns_dnssec_bogus',
    `DNSSEC validation fails for ${name}: every resolver answers SERVFAIL, and one that is told not to check has an answer.`,
    {
      hint: `Correct or remove the DS record of ${zone} at its registrar, or have the zone signed anew. https://dnsviz.net/d/${zone}/ shows where the chain breaks.`,
      details: { name, zone },
    },
  );
}

function isDelegated({ vendorServers }: ProbedZone, delegated: readonly string[]): boolean {
  if (vendorServers === null) return true;
  const wanted = new Set(vendorServers.map((server) => server.toLowerCase().replace(/\.$/, '')));
  return delegated.some((server) => wanted.has(server));
}

function notDelegated({ name, block }: ProbedZone, delegated: readonly string[], vendorServers: readonly string[]): DnsError {
  const [theirs, ours] = [delegated.toSorted().join(', '), vendorServers.toSorted().join(', ')];
  const message =
    theirs === ''
      ? `${name} is delegated to no name server; records written through [dns.${block}] would stand at ${ours}.`
      : `${name} is delegated to ${theirs}; records written through [dns.${block}] would stand at ${ours}, where nobody looks.`;
  return new DnsError('dns_not_delegated', message, {
    hint: `Set the name servers of ${name} at its registrar to ${ours}, or configure the vendor that serves it. After a change resolvers may remember the former ones for up to two days.`,
    details: { zone: name, delegated: theirs, vendor: ours },
  });
}
