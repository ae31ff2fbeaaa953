/** The questions of one preflight: counted, each asked once, and unanswered when the count is used up. */
import type { AskAuthorities } from '../authorities.ts';
import { DnsError } from '../dns-error.ts';
import { SERVFAIL, type AskResolver, type DohAnswer, type QuestionType, type Resolver } from '../doh.ts';
import type { DnsQuestion, DnsResult } from '../../../shared/relay/contract.ts';

/** External requests of one preflight. */
export const MAX_REQUESTS = 10;
/** Of them, those that stay for resolvers: without them neither delegation nor DNSSEC is looked at. */
const KEPT_FOR_RESOLVERS = 4;

export interface QuestionDependencies {
  resolvers: readonly Resolver[];
  ask: AskResolver;
  authorities: AskAuthorities;
  /** Clusters whose relay may be asked. */
  vias: readonly string[];
}

/** A resolver's answer; `servfail` also when its signatures do not fit, null when it cannot be asked. */
export type ResolverAnswer = DohAnswer | 'servfail' | null;

export class Questions {
  readonly #dependencies: QuestionDependencies;
  readonly #asked = new Map<string, Promise<ResolverAnswer>>();
  #left = MAX_REQUESTS;

  constructor(dependencies: QuestionDependencies) {
    this.#dependencies = dependencies;
  }

  get resolvers(): readonly Resolver[] {
    return this.#dependencies.resolvers;
  }

  /** The same question to the same resolver is one request. */
  resolver(resolver: Resolver, name: string, type: QuestionType, unchecked = false): Promise<ResolverAnswer> {
    const key = `${resolver.name} ${name} ${type} ${unchecked}`;
    const known = this.#asked.get(key);
    if (known !== undefined) return known;
    if (!this.#take(0)) return Promise.resolve(null);
    const answer = this.#dependencies.ask(resolver, name, type, { unchecked }).catch((thrown: unknown) => {
      if (!(thrown instanceof DnsError)) throw thrown;
      return thrown.details?.['rcode'] === SERVFAIL ? ('servfail' as const) : null;
    });
    this.#asked.set(key, answer);
    return answer;
  }

  /** The first answer that any resolver gives. */
  async anyResolver(name: string, type: QuestionType): Promise<DohAnswer | null> {
    for (const resolver of this.resolvers) {
      const answer = await this.resolver(resolver, name, type);
      if (answer !== null && answer !== 'servfail') return answer;
    }
    return null;
  }

  /** What authoritative servers answer; null when no relay can ask them. Answers may be missing when there were too many questions. */
  authorities(questions: readonly DnsQuestion[]): Promise<DnsResult[] | null> {
    return this.#dependencies.authorities(questions, this.#dependencies.vias, () => this.#take(KEPT_FOR_RESOLVERS));
  }

  #take(kept: number): boolean {
    if (this.#left <= kept) return false;
    this.#left -= 1;
    return true;
  }
}
