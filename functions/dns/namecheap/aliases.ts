/** CNAMEs that stand at names of a zone, by what its own servers answer: no call of the account's budget is spent. */
import type { DnsQuestion, DnsResult } from '../../../shared/relay/contract.ts';
import { consensus } from '../authorities.ts';
import { DnsError } from '../dns-error.ts';
import { toDnsError } from './failures.ts';

/** Names of one request, each with the sibling it is compared with (contract version 2: 16 questions). */
const NAMES_PER_REQUEST = 8;

/**
 * @param ask `POST /v1/dns/query` of the account's relay.
 * @returns name → target. A name that only a wildcard makes an alias is none: a label that nobody creates, right beside
 *   it, is an alias of the same name then.
 * @throws DnsError when the relay cannot be asked, or no server of the zone answers.
 */
export async function aliasesOf(names: readonly string[], ask: (questions: DnsQuestion[]) => Promise<DnsResult[]>): Promise<Map<string, string>> {
  const aliases = new Map<string, string>();
  for (let at = 0; at < names.length; at += NAMES_PER_REQUEST) {
    const some = names.slice(at, at + NAMES_PER_REQUEST).map((name) => ({ name, sibling: siblingOf(name) }));
    const questions = some.flatMap(({ name, sibling }): DnsQuestion[] => [name, sibling].map((asked) => ({ name: asked, type: 'CNAME' })));
    const results = await ask(questions).catch((thrown: unknown) => {
      throw toDnsError(thrown);
    });
    const answers = new Map(results.map((result) => [result.name, result]));
    for (const { name, sibling } of some) {
      const target = targetOf(answers.get(name), name);
      if (target !== null && target !== targetOf(answers.get(sibling), sibling)) aliases.set(name, target);
    }
  }
  return aliases;
}

function targetOf(result: DnsResult | undefined, name: string): string | null {
  const said = consensus(result);
  if (said === null)
    throw new DnsError('dns_unreachable', `No name server of the zone of ${name} answered, so nobody can tell whether a CNAME stands there.`, {
      retryable: true,
    });
  return (said.cname ?? said.values[0] ?? null)?.toLowerCase().replace(/\.$/, '') ?? null;
}

function siblingOf(name: string): string {
  return `perennial-${crypto.randomUUID().slice(0, 8)}${name.slice(name.indexOf('.'))}`;
}
