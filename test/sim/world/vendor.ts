/**
 * A DNS vendor that changes single records, behind the product's own DnsProvider port: batches are one transaction, a
 * record that exists already is success, and the vendor may be slow, limited, down, or silent after it did the work.
 */
import type { DnsVendor } from '../../../functions/config/configuration.ts';
import { DnsError } from '../../../functions/dns/dns-error.ts';
import { recordKey, type ListedRecord, type RecordProvider, type Zone } from '../../../functions/dns/provider.ts';
import { NoReply } from '../outside.ts';
import { current } from './current.ts';
import type { SimulatedZone, ZoneRecord } from './dns.ts';

export const PROVIDERS = ['cloudflare', 'namecheap'];
export const TABLE_PROVIDERS: ReadonlySet<string> = new Set(['namecheap']);

export function createProvider(vendor: DnsVendor): RecordProvider {
  const within = (name: string) => current().dns.zones.filter((zone) => zone.vendor === vendor.name && (name === zone.name || name.endsWith(`.${zone.name}`)));
  const known = (zone: { id: string }) => {
    const found = current().dns.zones.find(({ id }) => id === zone.id);
    if (found === undefined) throw new DnsError('dns_zone_not_found', `There is no zone ${zone.id}.`);
    return found;
  };
  return {
    kind: 'records',
    findZone: (name) =>
      ask(`${vendor.name} zone of ${name}`, (): Zone => {
        const [zone] = within(name).toSorted((a, b) => b.name.length - a.name.length);
        if (zone === undefined) throw new DnsError('dns_zone_not_found', `No zone for ${name}.`, { details: { name } });
        return { id: zone.id, name: zone.name };
      }),
    aliases: (zone, names) =>
      ask(`${vendor.name} aliases in ${zone.name}`, () => {
        const aliases = current()
          .dns.present(known(zone))
          .filter((record) => record.type === 'CNAME' && names.includes(record.name));
        return new Map(aliases.map(({ name, value }) => [name, value]));
      }),
    list: (zone, { type, names }) =>
      ask(`${vendor.name} list ${zone.name}`, () =>
        current()
          .dns.present(known(zone))
          .filter((record) => record.type === type && names.includes(record.name))
          .map(listed),
      ),
    nameServers: (zone) => ask(`${vendor.name} servers of ${zone.name}`, () => known(zone).servers),
    check: (zone) => ask(`${vendor.name} check ${zone.name}`, () => void known(zone)),
    async apply(zone, change, deadline) {
      const { laws, scheduler } = current();
      const add = change.add.map(recordKey);
      return ask(
        `${vendor.name} write ${zone.name} +${add.length} −${change.remove.length}`,
        () => {
          if (scheduler.now > deadline) throw new DnsError('dns_unreachable', 'The vendor was not reached in time.', { retryable: true });
          return execute(known(zone), change);
        },
        () => laws.beforeWrite(known(zone), change),
        true,
      );
    },
  };
}

function execute(zone: SimulatedZone, change: Parameters<RecordProvider['apply']>[1]): Awaited<ReturnType<RecordProvider['apply']>> {
  const { dns, laws } = current();
  for (const record of change.remove) {
    const there = dns.present(zone).find(({ id }) => id === record.id);
    if (there === undefined) continue;
    laws.removed(there);
    dns.remove(zone, there);
  }
  const added: ListedRecord[] = change.add.map((record) => {
    const same = dns.present(zone).find((existing) => recordKey(existing) === recordKey(record));
    return listed(same ?? dns.add(zone, { ...record, foreign: false }));
  });
  return { added, refused: [] };
}

function listed({ id, type, name, value, comment, ttl }: ZoneRecord): ListedRecord {
  return { id, type, name, value, comment, ttl };
}

async function ask<T>(label: string, effect: () => T, depart?: () => void, writes = false): Promise<T> {
  const { outside, weather, random, scheduler, vendorDownUntil } = current();
  const { limit, failure } = weather.vendor;
  try {
    return await outside.byActor(
      'vendor',
      label,
      () => {
        if (vendorDownUntil > scheduler.now || random.chance(failure)) throw new DnsError('dns_vendor_failed', 'The vendor answered 500.', { retryable: true });
        if (random.chance(limit))
          throw new DnsError('dns_rate_limited', 'Too many requests.', { retryable: true, retryAt: scheduler.now + random.between(1, 300) * 1_000 });
        return effect();
      },
      depart,
    );
  } catch (thrown) {
    if (!(thrown instanceof NoReply)) throw thrown;
    throw new DnsError('dns_unreachable', 'The vendor did not answer.', { retryable: true, inDoubt: writes });
  }
}
