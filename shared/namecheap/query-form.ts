/** The form of each read-only command, without the account's members. */
import type { NAMECHEAP_QUERIES } from '../relay/contract.ts';
import { joinDomain, type SplitDomain } from './domain-name.ts';

type NamecheapQuery = (typeof NAMECHEAP_QUERIES)[number];

export function queryForm(command: NamecheapQuery, split: SplitDomain): URLSearchParams {
  switch (command) {
    case 'namecheap.domains.getList':
      // The search matches parts of names; whoever reads the list compares whole ones.
      return new URLSearchParams({ ListType: 'ALL', SearchTerm: joinDomain(split), Page: '1', PageSize: '100' });
    case 'namecheap.domains.getInfo':
      return new URLSearchParams({ DomainName: joinDomain(split) });
    case 'namecheap.domains.dns.getList':
    case 'namecheap.domains.dns.getHosts':
    case 'namecheap.domains.dns.getSRVRecords':
      return new URLSearchParams({ SLD: split.sld, TLD: split.tld });
  }
}
