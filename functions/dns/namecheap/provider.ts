/**
 * Namecheap as a {@link TableProvider}: forms and readers of `shared/namecheap/` over a relay, which holds the key and the
 * list of domains, and whose address the account accepts.
 */
import { MINUTE, type Clock } from '../../../shared/clock.ts';
import { GET_INFO, obstacles, readDomainInfo } from '../../../shared/namecheap/domain-info.ts';
import { domainOf } from '../../../shared/namecheap/domain-name.ts';
import { namecheapError } from '../../../shared/namecheap/failures.ts';
import { GET_HOSTS, readHostList } from '../../../shared/namecheap/host-list.ts';
import { readSetHosts, wasRefused } from '../../../shared/namecheap/set-hosts.ts';
import { GET_SRV, readSrvList } from '../../../shared/namecheap/srv-list.ts';
import { PerennialError } from '../../../shared/errors.ts';
import type { NamecheapQueryRequest, NamecheapReply } from '../../../shared/relay/contract.ts';
import type { NamecheapVendor } from '../../config/configuration.ts';
import { DnsError } from '../dns-error.ts';
import type { TableProvider } from '../provider.ts';
import { aliasesOf } from './aliases.ts';
import { isInDoubt, toDnsError } from './failures.ts';
import type { NamecheapRelay } from './relay.ts';

/** How long the relay's list of domains is remembered. */
const DOMAINS_MS = 5 * MINUTE;

export function createNamecheapProvider(vendor: NamecheapVendor, relay: NamecheapRelay, clock: Clock): TableProvider {
  const { user } = vendor;
  let listed: { domains: readonly string[]; until: number } | null = null;

  async function domains(): Promise<readonly string[]> {
    if (listed !== null && clock() < listed.until) return listed.domains;
    const account = await relay.account(user);
    listed = { domains: account.domains, until: clock() + DOMAINS_MS };
    return listed.domains;
  }

  async function query<T>(command: NamecheapQueryRequest['command'], domain: string, read: (reply: NamecheapReply & { at: number }) => T): Promise<T> {
    try {
      return read({ ...(await relay.query({ account: user, command, domain })), at: clock() });
    } catch (thrown) {
      throw toDnsError(thrown);
    }
  }

  return {
    kind: 'table',

    async findZone(name) {
      const known = await domains().catch((thrown: unknown) => {
        throw toDnsError(thrown);
      });
      const domain = domainOf(name, known);
      if (domain !== null) return { id: `${user}/${domain}`, name: domain };
      throw new DnsError('dns_zone_not_found', `[dns.${vendor.name}]: no domain that the relay of ${vendor.egress} may touch for ${user} holds ${name}.`, {
        hint: 'Add the domain to "domains" of the account in the relay\'s law, in its job file.',
        details: { name },
      });
    },

    aliases: (_zone, names) => aliasesOf(names, (questions) => relay.authoritative(questions)),

    async survey(zone) {
      const info = await query(GET_INFO, zone.name, (reply) => readDomainInfo(reply, zone.name));
      const [first] = obstacles(info, zone.name);
      if (!info.usesOurDns) throw toDnsError(namecheapError('namecheap_not_delegated', first ?? `${zone.name} does not use the DNS of Namecheap.`));
      return { nameServers: info.nameServers, obstacles: obstacles(info, zone.name) };
    },

    async read(zone) {
      return query(GET_HOSTS, zone.name, (reply) => ({ table: readHostList(reply, zone.name).table, text: reply.body }));
    },

    readSrv: (zone) => query(GET_SRV, zone.name, readSrvList),

    async replace(zone, { expect, write }, deadline) {
      const sent = relay.write({ account: user, expect, write }, Math.max(1, deadline - clock()));
      const reply = await sent.catch((thrown: unknown) => {
        throw toDnsError(thrown, { inDoubt: isInDoubt(thrown) });
      });
      try {
        readSetHosts({ ...reply, at: clock() }, zone.name);
      } catch (thrown) {
        throw toDnsError(thrown, { inDoubt: !(thrown instanceof PerennialError && wasRefused(thrown)) });
      }
    },
  };
}
