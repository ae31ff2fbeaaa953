/** What an authoritative name server says to one question. Pure but for reading the world. */
import type { Rcode } from './faults.ts';
import { closestApex, normalizeName } from './names.ts';
import type { ZoneRecord } from './records.ts';
import type { DnsWorld } from './world.ts';

export interface AuthorityAnswer {
  rcode: Rcode;
  /** The AA flag: false in referrals and refusals. */
  authoritative: boolean;
  answers: ZoneRecord[];
  authorities: ZoneRecord[];
  additionals: ZoneRecord[];
}

/** How many CNAME records a server or resolver follows before it gives up. */
export const MAX_CNAME_HOPS = 16;

/** Answers as `server` does: from the zones it serves, following CNAME records as long as it serves their targets. */
export function answerAsAuthority(world: DnsWorld, server: string, name: string, type: string): AuthorityAnswer {
  const served = world.zonesServedBy(server);
  const answers: ZoneRecord[] = [];
  let current = normalizeName(name);
  for (let hop = 0; hop <= MAX_CNAME_HOPS; hop += 1) {
    const apex = closestApex(current, served);
    if (apex === undefined) {
      return hop === 0 ? refusal() : { rcode: 'NOERROR', authoritative: true, answers, authorities: [], additionals: [] };
    }
    const view = world.viewAt(apex, server);
    const found = view.lookup(current, type);
    switch (found.kind) {
      case 'answer':
        return { rcode: 'NOERROR', authoritative: true, answers: [...answers, ...found.records], authorities: [], additionals: [] };
      case 'nodata':
        return { rcode: 'NOERROR', authoritative: true, answers, authorities: [view.soa], additionals: [] };
      case 'nxdomain':
        return { rcode: 'NXDOMAIN', authoritative: true, answers, authorities: [view.soa], additionals: [] };
      case 'referral':
        return { rcode: 'NOERROR', authoritative: hop > 0, answers, authorities: found.nameservers, additionals: found.glue };
      case 'cname':
        answers.push(found.record);
        current = found.target;
    }
  }
  return { rcode: 'NOERROR', authoritative: true, answers, authorities: [], additionals: [] };
}

function refusal(): AuthorityAnswer {
  return { rcode: 'REFUSED', authoritative: false, answers: [], authorities: [], additionals: [] };
}
