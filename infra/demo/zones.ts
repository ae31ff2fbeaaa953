/**
 * What the zones hold, as the vendors themselves keep it: everything that was there before must be there afterwards, and
 * nothing else. The pure half compares.
 */
import { ZONE } from './configuration.ts';
import type { Zones } from './parts/zones.ts';

/** One line for each record and each setting of a zone; a record that is there twice is there twice. */
export type Contents = readonly string[];

export interface Difference {
  /** What was there before and is not any more. */
  missing: string[];
  /** TXT records that were not there before; we write no others for a certificate. */
  challenges: string[];
  /** Everything else that was not there before. */
  further: string[];
}

const TEXT = /^(cloudflare|namecheap \S+) TXT /;

export function readContents({ cloudflare, namecheap, domains }: Pick<Zones, 'cloudflare' | 'namecheap' | 'domains'>): Contents {
  const records = cloudflare
    .records(ZONE)
    .map(({ id, type, name, content, ttl, proxied, comment }) => `cloudflare ${type} ${name} ${JSON.stringify([content, ttl, proxied, comment, id])}`);
  const tables = domains.flatMap((domain) => {
    const { list, srv } = namecheap?.domain(domain) ?? { list: { emailType: '', hosts: [] }, srv: [] };
    return [
      `namecheap ${domain} EmailType ${list.emailType}`,
      ...list.hosts.map(({ type, name, address, mxPref, ttl, isActive, isDDNSEnabled }) => {
        return `namecheap ${domain} ${type} ${name} ${JSON.stringify([address, mxPref, ttl, isActive, isDDNSEnabled])}`;
      }),
      ...srv.map((record) => `namecheap ${domain} SRV ${JSON.stringify(record)}`),
    ];
  });
  return [...records, ...tables];
}

/** Compares as multisets. */
export function compareContents(before: Contents, after: Contents): Difference {
  const appeared = surplus(after, before);
  return {
    missing: surplus(before, after),
    challenges: appeared.filter((line) => TEXT.test(line)),
    further: appeared.filter((line) => !TEXT.test(line)),
  };
}

/** Lines of `here` without a partner in `there`; each partner counts once. */
function surplus(here: Contents, there: Contents): string[] {
  const partners = new Map<string, number>();
  for (const line of there) partners.set(line, (partners.get(line) ?? 0) + 1);
  return here.filter((line) => {
    const left = partners.get(line) ?? 0;
    if (left > 0) partners.set(line, left - 1);
    return left === 0;
  });
}
