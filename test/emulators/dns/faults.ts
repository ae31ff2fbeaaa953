/** Faults on demand: which queries go wrong, how, and how often. */
import { normalizeName } from './names.ts';

export type Rcode = 'NOERROR' | 'FORMERR' | 'SERVFAIL' | 'NXDOMAIN' | 'NOTIMP' | 'REFUSED';

export interface QueryFacts {
  /** The name server or resolver that was asked. */
  server: string;
  name: string;
  type: string;
}

export type Fault = {
  /** Only this server or resolver; all of them when absent. */
  server?: string;
  /** Only this exact name; any when absent. */
  name?: string;
  type?: string;
  /** How many queries it hits before it is spent; without limit when absent. */
  times?: number;
} & ({ kind: 'drop' } | { kind: 'rcode'; rcode: Exclude<Rcode, 'NOERROR'> } | { kind: 'slow'; delayMs: number });

export class Faults {
  #active: { fault: Fault; left: number }[] = [];

  /** Starts a fault; the returned function ends it. */
  add(fault: Fault): () => void {
    const entry = { fault, left: fault.times ?? Number.POSITIVE_INFINITY };
    this.#active.push(entry);
    return () => {
      this.#active = this.#active.filter((other) => other !== entry);
    };
  }

  clear(): void {
    this.#active = [];
  }

  /** The first fault that hits this query; counts it as spent once. */
  take(query: QueryFacts): Fault | undefined {
    const entry = this.#active.find(({ fault, left }) => left > 0 && matches(fault, query));
    if (entry === undefined) return undefined;
    entry.left -= 1;
    return entry.fault;
  }
}

function matches(fault: Fault, query: QueryFacts): boolean {
  return (
    (fault.server === undefined || normalizeName(fault.server) === normalizeName(query.server)) &&
    (fault.name === undefined || normalizeName(fault.name) === normalizeName(query.name)) &&
    (fault.type === undefined || fault.type === query.type)
  );
}
