/**
 * `domains.dns.getSRVRecords`: the list of SRV records, which lives beside the hosts.
 *
 * The command is not documented. Clients that use it saw each row as an element with six members, as child elements or as
 * attributes; both are read, wherever they stand. It only serves to notice that the list changed, so a vendor that does not
 * answer is no failure.
 */
import { PerennialError } from '../errors.ts';
import { readApiResponse } from './envelope.ts';
import type { VendorReply } from './failures.ts';
import { type SrvRow, srvRowSchema } from './host-table.ts';
import type { XmlElement } from './xml.ts';

export const GET_SRV = 'namecheap.domains.dns.getSRVRecords';

const MEMBERS = ['service', 'protocol', 'priority', 'weight', 'port', 'target'] as const;
/** These say that no answer came, not that there is none. */
const PASSING: ReadonlySet<string> = new Set(['namecheap_rate_limited', 'namecheap_unavailable', 'namecheap_unauthorized', 'namecheap_address_not_listed']);

/**
 * The rows, or null when the vendor does not know the command or answers in another shape.
 * @throws PerennialError `namecheap_rate_limited`, `namecheap_unavailable`, `namecheap_unauthorized`, `namecheap_address_not_listed`.
 */
export function readSrvList(reply: VendorReply): SrvRow[] | null {
  try {
    const response = readApiResponse(reply).children.find(({ name }) => name === 'commandresponse');
    return response === undefined ? null : rowsBelow(response);
  } catch (thrown) {
    if (thrown instanceof PerennialError && !PASSING.has(thrown.code)) return null;
    throw thrown;
  }
}

/** Same rows in any order. Null, "no answer", is the same as anything: it proves nothing. */
export function sameSrvList(a: readonly SrvRow[] | null, b: readonly SrvRow[] | null): boolean {
  if (a === null || b === null) return true;
  return a.map(srvLine).toSorted().join('\n') === b.map(srvLine).toSorted().join('\n');
}

/** For people: `_sip _tls SRV 100 1 443 sipdir.online.lync.com`. */
export function srvLine({ service, protocol, priority, weight, port, target }: SrvRow): string {
  return `${service} ${protocol} SRV ${priority} ${weight} ${port} ${target.toLowerCase().replace(/\.$/, '')}`;
}

function rowsBelow(element: XmlElement): SrvRow[] | null {
  const rows: SrvRow[] = [];
  for (const child of element.children) {
    const some = readRow(child) ?? (child.children.length > 0 || isEmptyContainer(child) ? rowsBelow(child) : null);
    if (some === null) return null;
    rows.push(...(Array.isArray(some) ? some : [some]));
  }
  return rows;
}

function readRow(element: XmlElement): SrvRow | null {
  const member = (name: (typeof MEMBERS)[number]) => element.attributes.get(name) ?? element.children.find((child) => child.name === name)?.text.trim();
  const integer = (name: 'priority' | 'weight' | 'port') => (/^\d{1,5}$/.test(member(name) ?? '') ? Number(member(name)) : undefined);
  const parsed = srvRowSchema.safeParse({
    service: member('service'),
    protocol: member('protocol'),
    priority: integer('priority'),
    weight: integer('weight'),
    port: integer('port'),
    target: member('target'),
  });
  return parsed.success ? parsed.data : null;
}

/** `<DomainDNSGetSRVRecordsResult Domain="…" />`: a list without rows. A leaf that carries anything of a row is none. */
function isEmptyContainer(element: XmlElement): boolean {
  return element.text.trim() === '' && !MEMBERS.some((name) => element.attributes.has(name) || element.name === name);
}
