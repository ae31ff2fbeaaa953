/** Public resolvers, behind the product's own AskResolver: they ask one authoritative server and remember what it said. */
import { DnsError } from '../../../functions/dns/dns-error.ts';
import type { AskResolver, DohAnswer, Resolver } from '../../../functions/dns/doh.ts';
import { current } from './current.ts';

export { canonical, SERVFAIL } from '../../../functions/dns/doh.ts';

/** Seconds a denial is remembered (RFC 2308 §5), and an answer. */
const NEGATIVE_TTL_MS = 300_000;
const POSITIVE_TTL_MS = 60_000;

export function createDohClient({ onRequest }: { onRequest?: (() => void) | undefined }): AskResolver {
  return async (resolver, name, type) => {
    onRequest?.();
    try {
      return await current().outside.byActor('resolver', `${resolver.name} ${type} ${name}`, () => resolve(resolver, name, type));
    } catch (thrown) {
      if (thrown instanceof DnsError) throw thrown;
      throw new DnsError('dns_resolver_failed', `The resolver ${resolver.name} failed: no answer in time.`, { retryable: true });
    }
  };
}

function resolve({ name: resolver }: Resolver, name: string, type: string): DohAnswer {
  const { caches, scheduler } = current();
  const key = `${resolver} ${type} ${name}`;
  const kept = caches.get(key);
  if (kept !== undefined && kept.until > scheduler.now) return kept.answer;
  const answer = recurse(name, type);
  caches.set(key, { answer, until: scheduler.now + (answer.status === 'answer' ? POSITIVE_TTL_MS : NEGATIVE_TTL_MS) });
  return answer;
}

function recurse(name: string, type: string): DohAnswer {
  const { dns, random } = current();
  let at = name;
  for (let hop = 0; hop < 8; hop += 1) {
    const zone = dns.zoneOf(at);
    if (zone === undefined) return { status: 'nxdomain', values: [], owner: null, apex: null };
    const { status, values, cname } = dns.ask(zone, random.between(0, zone.servers.length - 1), at, type);
    if (cname === null) return { status, values, owner: values.length === 0 ? null : at, apex: zone.name };
    at = cname;
  }
  return { status: 'nodata', values: [], owner: null, apex: null };
}
