/** Planning a full zone at Namecheap: what a write costs in CPU at the edge before anything is sent. */
import { planHosts } from '../../../shared/namecheap/change-plan.ts';
import { readHostList } from '../../../shared/namecheap/host-list.ts';
import { MAX_HOSTS, type HostRow, type HostTable } from '../../../shared/namecheap/host-table.ts';
import { setHostsForm } from '../../../shared/namecheap/set-hosts.ts';
import { Namecheap, type HostInput } from '../../emulators/namecheap/index.ts';
import type { Scenario } from '../bench.ts';
import type { Figure } from '../figure.ts';

const DOMAIN = 'example.co.uk';
const SPLIT = { sld: 'example', tld: 'co.uk' };
/** Before the code is compiled it runs several times slower, and nobody plans a zone once. */
const WARM_UP = 200;
const ROUNDS = 1_000;
const NOTE = `Median of ${ROUNDS} rounds on Node after ${WARM_UP} that are not counted; A, TXT of 400 characters, CNAME, MX and CAA in turn.`;
const OURS: readonly HostRow[] = ['one', 'two'].map((value) => ({ name: '_acme-challenge', type: 'TXT', address: value.repeat(14), mxPref: 10, ttl: 60 }));

export const plan: Scenario = {
  name: 'plan',
  about: `planning a zone of ${MAX_HOSTS} rows at Namecheap`,
  run: async () => {
    const almostFull = await reply(MAX_HOSTS - OURS.length);
    const before = readHostList(almostFull, DOMAIN).table;
    const full = planHosts(before, { add: OURS, remove: [] }).table;
    const budget = { of: 'p50', most: 5 } as const;
    return [
      { what: `plan ${MAX_HOSTS} rows, two added`, unit: 'ms', samples: timed(() => planHosts(before, { add: OURS, remove: [] })), budget, note: NOTE },
      { what: `plan ${MAX_HOSTS} rows, two removed`, unit: 'ms', samples: timed(() => planHosts(full, { add: [], remove: OURS })), budget, note: NOTE },
      {
        what: "from the vendor's reply to the form of the write",
        unit: 'ms',
        samples: timed(() => form(planHosts(readHostList(almostFull, DOMAIN).table, { add: OURS, remove: [] }).table)),
        budget: null,
        note: `${NOTE} Reads the XML strictly, plans, and writes the form.`,
      },
    ] satisfies Figure[];
  },
};

function form(table: HostTable): string {
  return setHostsForm(table, SPLIT).toString();
}

/** Milliseconds of each round. */
function timed(work: () => unknown): number[] {
  for (let round = 0; round < WARM_UP; round += 1) work();
  return Array.from({ length: ROUNDS }, () => {
    const begun = performance.now();
    work();
    return performance.now() - begun;
  });
}

/** What the vendor answers to `getHosts` for a domain with so many rows. */
async function reply(rows: number): Promise<{ status: number; body: string }> {
  const vendor = new Namecheap({
    accounts: [{ user: 'bench', key: 'bench-key' }],
    domains: [{ name: DOMAIN, emailType: 'MX', hosts: Array.from({ length: rows }, (_, index) => host(index)) }],
  });
  const body = new URLSearchParams({
    ApiUser: 'bench',
    ApiKey: 'bench-key',
    UserName: 'bench',
    ClientIp: '203.0.113.7',
    Command: 'namecheap.domains.dns.getHosts',
    SLD: SPLIT.sld,
    TLD: SPLIT.tld,
  });
  const response = await vendor.fetch(new Request('http://127.0.0.1/xml.response', { method: 'POST', body }));
  return { status: response.status, body: await response.text() };
}

function host(index: number): HostInput {
  const name = `host-${index}`;
  switch (index % 5) {
    case 0:
      return { name, type: 'A', address: `203.0.113.${index % 250}` };
    case 1:
      return { name, type: 'TXT', address: `v=DKIM1; k=rsa; p=${'q7/Zx+0'.repeat(54)}==` };
    case 2:
      return { name, type: 'CNAME', address: `lb-${index}.example-cdn.net.` };
    case 3:
      return { name, type: 'MX', address: `mx-${index}.example.net.`, mxPref: index % 100 };
    default:
      return { name, type: 'CAA', address: `0 issue "ca-${index}.example"` };
  }
}
