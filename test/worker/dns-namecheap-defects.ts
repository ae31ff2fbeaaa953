/** What careless clients of Namecheap do and have done, each between the zone and the vendor: the property must find every one. */
import { SECOND } from '../../shared/clock.ts';
import { setHostsForm } from '../../shared/namecheap/set-hosts.ts';
import { splitDomain } from '../../shared/namecheap/domain-name.ts';
import type { NamecheapReply, NamecheapWriteRequest } from '../../shared/relay/contract.ts';
import { DOMAIN } from './dns-namecheap-arbitraries.ts';
import type { Defect } from './dns-namecheap-scene.ts';
import type { NamecheapAccount } from './dns-namecheap.ts';

/** Alters what is sent as the new list. */
const writing = (alter: (request: NamecheapWriteRequest) => NamecheapWriteRequest['write']): Defect => ({
  relay: ({ relay }) => ({ ...relay, write: (request, deadlineMs) => relay.write({ ...request, write: alter(request) }, deadlineMs) }),
});

/** Sends `setHosts` without the relay. */
const sending = (alter: (form: URLSearchParams) => void): Defect => ({
  relay: (account) => ({
    ...account.relay,
    write: async (request) => {
      await account.onWrite(request);
      return unchecked(account, request, alter);
    },
  }),
});

async function unchecked(account: NamecheapAccount, { write }: NamecheapWriteRequest, alter: (form: URLSearchParams) => void): Promise<NamecheapReply> {
  const form = setHostsForm(write, splitDomain(write.domain));
  alter(form);
  const response = await account.send('namecheap.domains.dns.setHosts', form);
  return { status: response.status, body: await response.text(), address: null };
}

export const DEFECTS: Record<string, Defect> = {
  'a planner that drops a row': writing(({ write }) => ({ ...write, rows: write.rows.slice(1) })),
  'a planner that shortens a value': writing(({ write }) => ({
    ...write,
    rows: write.rows.map((row) => (row.type === 'TXT' ? { ...row, address: row.address.replaceAll('+', ' ') } : row)),
  })),
  'a clean-up by name instead of by value': writing(({ expect, write }) => {
    const gone = new Set(expect.rows.filter((row) => row.type === 'TXT' && !write.rows.some(({ address }) => address === row.address)).map(({ name }) => name));
    return { ...write, rows: write.rows.filter(({ name, type }) => type !== 'TXT' || !gone.has(name)) };
  }),
  'a planner that switches mail routing': writing(({ write }) => ({ ...write, emailType: write.rows.some(({ type }) => type === 'MX') ? 'MX' : 'NONE' })),
  'a writer that does not look again before it writes': sending(() => undefined),
  'a successor that does not wait for the write of its predecessor': {
    opening: [
      { do: 'present', owner: 'one', records: [{ name: `_acme-challenge.${DOMAIN}`, value: 'red' }] },
      { do: 'die-writing', travelling: 'to-relay', delayMs: 29 * SECOND },
      { do: 'wait', milliseconds: 3 * SECOND },
    ],
    forgets: (sql) => {
      sql.exec('DELETE FROM intent');
      sql.exec("DELETE FROM documents WHERE key = 'table-attempt'");
    },
  },
  'a writer that leaves out EmailType': sending((form) => form.delete('EmailType')),
};
