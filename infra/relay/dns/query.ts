/** `POST /v1/dns/query`: what every authoritative server of a name's zone answers at this moment. Read-only. */
import type { Answer, DecodedPacket } from 'dns-packet';
import { PerennialError } from '../../../shared/errors.ts';
import type { DnsQuestion, DnsResult } from '../../../shared/relay/contract.ts';
import { ask } from './exchange.ts';
import type { ZoneFinder, NameServer, Zone } from './zone-cut.ts';

type ServerAnswer = DnsResult['servers'][number];

export class AuthoritativeQuery {
  readonly #zones: ZoneFinder;

  constructor(zones: ZoneFinder) {
    this.#zones = zones;
  }

  /** Questions run side by side; one name's zone is looked up once. Throws `dns_resolver_unavailable` (retryable). */
  async answer(questions: readonly DnsQuestion[], signal: AbortSignal): Promise<DnsResult[]> {
    const zones = new Map<string, Promise<Zone | null>>();
    return Promise.all(
      questions.map(async ({ name, type }) => {
        const search = zones.get(name) ?? this.#zones.find(name, signal);
        zones.set(name, search);
        const zone = await search.catch((cause: unknown) => {
          throw new PerennialError('dns_resolver_unavailable', `The recursive resolver did not answer for ${name}.`, {
            retryable: true,
            hint: 'The relay uses its system resolver, or "dns.resolver" of its law.',
            cause,
          });
        });
        const servers = await Promise.all((zone?.servers ?? []).map((server) => askServer(server, { name, type }, signal)));
        return { name, type, zone: zone?.name ?? null, servers };
      }),
    );
  }
}

async function askServer(server: NameServer, question: DnsQuestion, signal: AbortSignal): Promise<ServerAnswer> {
  const base = { server: server.name, address: server.address, values: [], cname: null };
  try {
    return { ...base, ...interpret(await ask(server, question, false, signal), question) };
  } catch (thrown) {
    return { ...base, status: thrown instanceof Error && thrown.name === 'TimeoutError' ? 'timeout' : 'error' };
  }
}

/** RFC 1035 §4.1.1 and RFC 2308 §2: what one reply says about one question. Exported for its tests. */
export function interpret(
  reply: Pick<DecodedPacket, 'flag_aa' | 'answers'> & { rcode?: string },
  question: DnsQuestion,
): Pick<ServerAnswer, 'status' | 'values' | 'cname'> {
  const nothing = { values: [], cname: null };
  if (reply.rcode === 'SERVFAIL') return { status: 'servfail', ...nothing };
  if (reply.rcode === 'REFUSED') return { status: 'refused', ...nothing };
  const answers = (reply.answers ?? []).filter((record) => record.name.toLowerCase() === question.name);
  const values = answers.filter(({ type }) => type === question.type).map(valueOf);
  const alias = answers.find(({ type }) => type === 'CNAME');
  if (values.length > 0) return { status: 'answer', values: values.slice(0, 100), cname: null };
  if (alias?.type === 'CNAME') return { status: 'answer', values: [], cname: alias.data.toLowerCase().replace(/\.$/, '') };
  if (reply.rcode === 'NXDOMAIN') return { status: 'nxdomain', ...nothing };
  if (reply.rcode !== undefined && reply.rcode !== 'NOERROR') return { status: 'error', ...nothing };
  // No error, no answer, no authority: a referral or a lame server, which says nothing about the name.
  return { status: reply.flag_aa ? 'nodata' : 'error', ...nothing };
}

function valueOf(record: Answer): string {
  switch (record.type) {
    case 'TXT':
      return [record.data]
        .flat()
        .map((part) => part.toString())
        .join('')
        .slice(0, 4_096);
    case 'CAA':
      return `${record.data.flags ?? 0} ${record.data.tag} "${record.data.value}"`;
    case 'SOA':
      return String(record.data.serial);
    case 'CNAME':
    case 'NS':
      return record.data.toLowerCase().replace(/\.$/, '');
    case 'A':
    case 'AAAA':
      return record.data;
    default:
      return '';
  }
}
