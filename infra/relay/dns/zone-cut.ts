/**
 * From a name to the servers that answer for it: the closest enclosing zone by SOA, its NS set and their addresses, all
 * through a recursive resolver. Zone cuts change seldom, so a resolver's cache does no harm here.
 */
import type { Answer, DecodedPacket } from 'dns-packet';
import { networkInterfaces } from 'node:os';
import { ask } from './exchange.ts';
import type { ServerAddress } from './exchange.ts';

export interface NameServer extends ServerAddress {
  name: string;
}

export interface Zone {
  name: string;
  servers: NameServer[];
}

export interface ResolverOptions {
  /** The recursive resolver. */
  resolver: ServerAddress;
  /** Name server host name -> where it really is. */
  nameservers: ReadonlyMap<string, ServerAddress>;
}

/** Most servers asked about one zone. */
const MAX_SERVERS = 32;

export class ZoneFinder {
  readonly #options: ResolverOptions;

  constructor(options: ResolverOptions) {
    this.#options = options;
  }

  /** The zone that holds `name`, or null when the resolver knows none. Throws when the resolver cannot be reached. */
  async find(name: string, signal: AbortSignal): Promise<Zone | null> {
    const apex = await this.#apex(name.toLowerCase(), signal);
    if (apex === null) return null;
    const answer = await this.#recurse(apex, 'NS', signal);
    const names = (answer.answers ?? []).flatMap((record) => (record.type === 'NS' ? [normal(record.data)] : [])).toSorted();
    const servers = await Promise.all(names.map((server) => this.#addresses(server, signal)));
    return { name: apex, servers: servers.flat().slice(0, MAX_SERVERS) };
  }

  async #apex(name: string, signal: AbortSignal): Promise<string | null> {
    const labels = name.split('.');
    for (let depth = 0; depth < labels.length; depth += 1) {
      const candidate = labels.slice(depth).join('.');
      // Each step is needed only when the one below had no answer.
      // oxlint-disable-next-line no-await-in-loop
      const reply = await this.#recurse(candidate, 'SOA', signal);
      const aliased = (reply.answers ?? []).some((record) => record.type === 'CNAME' && normal(record.name) === candidate);
      // An alias is never an apex, and the SOA in its answer belongs to the zone of its target.
      if (aliased) continue;
      const owner = [...(reply.answers ?? []), ...(reply.authorities ?? [])].find(isSoa);
      if (owner !== undefined && (candidate === normal(owner.name) || candidate.endsWith(`.${normal(owner.name)}`))) {
        return normal(owner.name) === '' ? null : normal(owner.name);
      }
    }
    return null;
  }

  async #addresses(server: string, signal: AbortSignal): Promise<NameServer[]> {
    const override = this.#options.nameservers.get(server);
    if (override !== undefined) return [{ name: server, ...override }];
    const types = hasIpv6() ? (['A', 'AAAA'] as const) : (['A'] as const);
    const replies = await Promise.all(types.map((type) => this.#recurse(server, type, signal).catch(() => null)));
    return replies.flatMap((reply) =>
      (reply?.answers ?? []).flatMap((record) => (record.type === 'A' || record.type === 'AAAA' ? [{ name: server, address: record.data, port: 53 }] : [])),
    );
  }

  async #recurse(name: string, type: string, signal: AbortSignal): Promise<DecodedPacket> {
    return ask(this.#options.resolver, { name, type }, true, signal);
  }
}

function isSoa(record: Answer): boolean {
  return record.type === 'SOA';
}

function normal(name: string): string {
  return name.toLowerCase().replace(/\.$/, '');
}

/** Without a global IPv6 address of its own the relay would report every IPv6 server as silent. */
function hasIpv6(): boolean {
  return Object.values(networkInterfaces()).some((addresses) =>
    addresses?.some(({ family, internal, address }) => family === 'IPv6' && !internal && !/^(fe80|f[cd])/i.test(address)),
  );
}
