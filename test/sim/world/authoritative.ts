/** What a relay hears from authoritative servers when it asks each of them: now and then one of them says nothing. */
import type { DnsQuestion, DnsResult } from '../../../shared/relay/contract.ts';
import { NoReply } from '../outside.ts';
import { current } from './current.ts';

type ServerAnswer = DnsResult['servers'][number];

export class AuthoritativeQuery {
  /** All questions travel together: one event for each server and name would be most of a simulation. */
  async answer(questions: readonly DnsQuestion[], _signal: AbortSignal): Promise<DnsResult[]> {
    const { outside } = current();
    const label = questions.map(({ name, type }) => `${type} ${name}`).join(', ');
    try {
      return await outside.byActor('authority', label, () => questions.map(({ name, type }) => ask(name, type)));
    } catch (thrown) {
      if (!(thrown instanceof NoReply)) throw thrown;
      return questions.map(({ name, type }) => ({ name, type, zone: current().dns.zoneOf(name)?.name ?? null, servers: [] }));
    }
  }
}

function ask(name: string, type: DnsQuestion['type']): DnsResult {
  const { dns, random, weather } = current();
  const zone = dns.zoneOf(name);
  if (zone === undefined) return { name, type, zone: null, servers: [] };
  const servers = zone.servers.map((server, position): ServerAnswer => {
    const base = { server, address: `192.0.2.${position + 1}` };
    if (random.chance(weather.lost.authority ?? 0)) return { ...base, status: 'timeout', values: [], cname: null };
    return { ...base, ...dns.ask(zone, position, name, type) };
  });
  return { name, type, zone: zone.name, servers };
}
