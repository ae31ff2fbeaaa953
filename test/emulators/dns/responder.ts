/** The common path of every question, over whichever transport: fault, answer, log. */
import { setTimeout as sleep } from 'node:timers/promises';
import { answerAsAuthority } from './authority.ts';
import type { Rcode } from './faults.ts';
import type { DnsHandler } from './listener.ts';
import { readQuery, writeReply, type Query, type Reply } from './message.ts';
import { normalizeName } from './names.ts';
import type { LoggedQuery } from './query-log.ts';
import { resolve } from './resolver.ts';
import type { DnsWorld } from './world.ts';

type Answered = Pick<Reply, 'rcode' | 'answers' | 'authorities'> & { cached?: boolean };

/**
 * Answers one question as `server` and logs it. `undefined` means silence.
 * A fault comes first: what it drops or fails never reaches `answer`, and so no cache either.
 */
export async function ask<T extends Answered>(
  world: DnsWorld,
  question: { server: string; name: string; type: string; transport: LoggedQuery['transport'] },
  answer: () => T,
): Promise<T | { failed: Rcode } | undefined> {
  const facts = { server: question.server, name: normalizeName(question.name), type: question.type };
  const log = (outcome: LoggedQuery['outcome'], cached: boolean) =>
    world.queries.record({ at: world.clock(), ...facts, transport: question.transport, outcome, cached });
  const fault = world.faults.take(facts);
  if (fault?.kind === 'slow') await sleep(fault.delayMs, undefined, { ref: false });
  if (fault?.kind === 'drop') {
    log('dropped', false);
    return undefined;
  }
  if (fault?.kind === 'rcode') {
    log(fault.rcode, false);
    return { failed: fault.rcode };
  }
  const answered = answer();
  log(answered.rcode, answered.cached ?? false);
  return answered;
}

/** The handler of an authoritative name server. */
export function authorityHandler(world: DnsWorld, server: string): DnsHandler {
  return handler(world, server, (name, type) => ({ ...answerAsAuthority(world, server, name, type), recursionAvailable: false }));
}

/** The handler of a recursive server without a cache, as a CA's validator uses for every attempt afresh. */
export function recursiveHandler(world: DnsWorld, server: string): DnsHandler {
  return handler(world, server, (name, type, unchecked) => ({
    ...resolve(world, name, type, unchecked),
    authoritative: false,
    recursionAvailable: true,
    additionals: [],
  }));
}

function handler(world: DnsWorld, server: string, answer: (name: string, type: string, checkingDisabled: boolean) => Reply): DnsHandler {
  return async (message, transport) => {
    const query = readQuery(message);
    if (query === undefined) return undefined;
    if ('refusal' in query) return query.refusal;
    const { name, type } = query.question;
    const reply = await ask(world, { server, name, type, transport }, () => answer(name, type, query.checkingDisabled));
    if (reply === undefined) return undefined;
    return writeReply(query, 'failed' in reply ? failure(query, reply.failed) : reply, transport);
  };
}

function failure(query: Query, rcode: Rcode): Reply {
  return { rcode, authoritative: false, recursionAvailable: query.recursionDesired, answers: [], authorities: [], additionals: [] };
}
