/** Questions to authoritative name servers, through the relay of any cluster that can ask them. */
import { dnsNameSchema, type DnsQuestion, type DnsResult } from '../../shared/relay/contract.ts';

/** Questions of one request to a relay (contract version 2). */
const QUESTIONS_PER_REQUEST = 16;

/** `POST /v1/dns/query` of one cluster's relay. Throws when the relay cannot be asked. */
export type RelayQuery = (cluster: string, questions: DnsQuestion[]) => Promise<DnsResult[]>;

/**
 * @param mayAsk called before each request; false ends the asking, and what was answered by then is returned.
 * @returns null when no relay can reach any name server.
 */
export type AskAuthorities = (questions: readonly DnsQuestion[], vias: readonly string[], mayAsk?: () => boolean) => Promise<DnsResult[] | null>;

export function createAuthorities(query: RelayQuery): AskAuthorities {
  return async (questions, vias, mayAsk = () => true) => {
    const askable = questions.filter(({ name }) => dnsNameSchema.safeParse(name).success);
    for (const cluster of vias) {
      try {
        const results: DnsResult[] = [];
        for (let at = 0; at < askable.length && mayAsk(); at += QUESTIONS_PER_REQUEST) {
          results.push(...(await query(cluster, askable.slice(at, at + QUESTIONS_PER_REQUEST))));
        }
        // A relay that reaches no name server at all knows no more than no relay.
        if (results.some(({ servers }) => servers.some(isAudible))) return results;
      } catch {
        // The next relay may be there.
      }
    }
    return null;
  };
}

type ServerAnswer = DnsResult['servers'][number];

/** The server says something about the name; anything else is a failure to be asked. */
function isAudible({ status }: ServerAnswer): boolean {
  return status === 'answer' || status === 'nodata' || status === 'nxdomain';
}

/** What most of the servers say, the first of them on a tie; null when none can be asked. */
export function consensus(result: DnsResult | undefined): Pick<ServerAnswer, 'values' | 'cname'> | null {
  const groups = new Map<string, ServerAnswer[]>();
  for (const answer of (result?.servers ?? []).filter(isAudible)) {
    const key = JSON.stringify([answer.cname, answer.values.toSorted()]);
    groups.set(key, [...(groups.get(key) ?? []), answer]);
  }
  const [most] = [...groups.values()].toSorted((a, b) => b.length - a.length);
  return most?.[0] ?? null;
}
