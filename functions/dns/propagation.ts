/**
 * Whether published values can be seen: who is asked in which order, and the verdict, a pure function.
 *
 * Authoritative servers come first, through a relay. Public resolvers are asked only when those agree: a resolver that is
 * asked too early remembers the denial for the zone's negative TTL (RFC 2308 §5; 1,800 s at Cloudflare). The CA uses
 * resolvers of its own, so one that is stuck on a remembered denial, or fails, does not hold up what every authority
 * shows; one that shows an older set of values does, because that is gone within the records' TTL.
 */
import type { PropagationProgress } from '../certificates/ports.ts';
import type { DnsResult } from '../../shared/relay/contract.ts';
import type { DohAnswer } from './doh.ts';

/** Values that one name must show. */
export interface Expectation {
  /** The name the CA asks for; a resolver follows its alias. */
  name: string;
  /** The name that holds the record, after delegation. */
  target: string;
  values: string[];
}

/** What one server said about all expectations together; the least of them counts. */
export interface ServerView {
  name: string;
  kind: 'authoritative' | 'resolver';
  /** `old`: it answers, without all of the values. `absent`: it denies. `silent`: it cannot be asked. */
  state: 'seen' | 'old' | 'absent' | 'silent';
  detail: string;
}

const WORST_FIRST = ['silent', 'absent', 'old', 'seen'] as const satisfies ServerView['state'][];
const MAX_SERVERS = 64;

function worst(views: readonly Pick<ServerView, 'state' | 'detail'>[]): Pick<ServerView, 'state' | 'detail'> {
  const [least] = views.toSorted((a, b) => WORST_FIRST.indexOf(a.state) - WORST_FIRST.indexOf(b.state));
  return least ?? { state: 'silent', detail: 'not asked' };
}

/**
 * One view per authoritative server. A server with several addresses is judged by those that answer: a relay without
 * IPv6 is no sign of trouble at the server.
 */
export function authoritativeViews(expectations: readonly Expectation[], results: readonly DnsResult[]): ServerView[] {
  const servers = new Map<string, Pick<ServerView, 'state' | 'detail'>[]>();
  for (const { target, values } of expectations) {
    const asked = results.find(({ name, type }) => name === target && type === 'TXT')?.servers ?? [];
    for (const server of new Set(asked.map((answer) => answer.server))) {
      const answers = asked.filter((answer) => answer.server === server).map((answer) => judge(target, values, answer.status, answer.values));
      const audible = answers.filter(({ state }) => state !== 'silent');
      servers.set(server, [...(servers.get(server) ?? []), worst(audible.length > 0 ? audible : answers)]);
    }
  }
  return [...servers].slice(0, MAX_SERVERS).map(([name, views]) => ({ name, kind: 'authoritative', ...worst(views) }));
}

/** @param answers by expectation; null where the resolver failed. */
export function resolverView(resolver: string, expectations: readonly Expectation[], answers: readonly (DohAnswer | null)[]): ServerView {
  const views = expectations.map(({ name, values }, index) => {
    const answer = answers[index] ?? null;
    return answer === null ? judge(name, values, 'error', []) : judge(name, values, answer.status, answer.values);
  });
  return { name: resolver, kind: 'resolver', ...worst(views) };
}

type AnswerStatus = DnsResult['servers'][number]['status'];

function judge(name: string, expected: readonly string[], status: AnswerStatus, values: readonly string[]): Pick<ServerView, 'state' | 'detail'> {
  if (status === 'nodata') return { state: 'absent', detail: `says that ${name} has no TXT` };
  if (status === 'nxdomain') return { state: 'absent', detail: `says that ${name} does not exist` };
  if (status !== 'answer') return { state: 'silent', detail: `gave no answer for ${name} (${status})` };
  const missing = expected.filter((value) => !values.includes(value)).length;
  return missing === 0
    ? { state: 'seen', detail: `has ${name}` }
    : { state: 'old', detail: `has ${name}, but ${missing} of ${expected.length} values are missing` };
}

/**
 * True when every authoritative server shows everything. Servers that cannot be asked do not count against it as long as
 * one can; {@link propagationReport} then wants a resolver's word too.
 */
export function authoritiesAgree(views: readonly ServerView[]): boolean {
  const audible = views.filter(({ state }) => state !== 'silent');
  return audible.length > 0 && audible.every(({ state }) => state === 'seen');
}

/**
 * Whether one name is good, once the authorities agree.
 * @param authorities null when no relay could ask them: then a majority of the resolvers decides, which is weaker.
 * @param resolvers what each resolver said about this name.
 */
export function isConfirmed(authorities: readonly ServerView[] | null, resolvers: readonly ServerView[]): boolean {
  const confirmed = resolvers.filter(({ state }) => state === 'seen').length;
  if (authorities === null) return confirmed > resolvers.length / 2;
  return confirmed > 0 || (authorities.every(({ state }) => state === 'seen') && resolvers.every(({ state }) => state !== 'old'));
}

/** Names that are good, of all; resolvers are asked about a part of them at a time. */
export interface NamesConfirmed {
  confirmed: readonly string[];
  total: number;
  /** Not all of them could be asked about in one look. */
  sliced: boolean;
}

/** @param resolvers empty while the authorities do not agree. */
export function propagationReport(
  authorities: readonly ServerView[] | null,
  resolvers: readonly ServerView[],
  { confirmed, total, sliced }: NamesConfirmed,
): PropagationProgress {
  const complete = (authorities === null || authoritiesAgree(authorities)) && confirmed.length === total;
  const remembered = !complete && resolvers.some(({ state }) => state === 'old') ? ' (older values are still in their caches)' : '';
  const names = sliced ? [`${confirmed.length} of ${total} names confirmed`] : [];
  const [first, ...others] = [...counted(authorities ?? [], 'authoritative servers'), ...counted(resolvers, 'public resolvers')];
  const seen = first === undefined ? ['no server could be asked'] : [`${first} have it`, ...others, ...names];
  return {
    complete,
    summary: `${seen.join(', ')}${remembered}`,
    weak: authorities === null,
    confirmed: [...confirmed],
    servers: [...(authorities ?? []), ...resolvers].map(({ name, kind, state, detail }) => ({
      name,
      kind,
      seen: state === 'seen',
      detail: kind === 'resolver' && state === 'absent' && authorities !== null ? `${detail} (a remembered denial; the authoritative servers have it)` : detail,
    })),
  };
}

function counted(views: readonly ServerView[], what: string): string[] {
  return views.length === 0 ? [] : [`${views.filter(({ state }) => state === 'seen').length} of ${views.length} ${what}`];
}
