/**
 * A zone at Namecheap as its whole host list: what `domains.dns.getHosts` shows and `domains.dns.setHosts` replaces.
 *
 * Only what `setHosts` can express stands here. A reply that holds anything else is refused when it is read
 * (`host-list.ts`), because writing the list back would lose it. Facts: Namecheap API, domains.dns.getHosts / setHosts.
 */
import { z } from 'zod';

/** Record types that `setHosts` accepts. */
export const HOST_TYPES = ['A', 'AAAA', 'ALIAS', 'CAA', 'CNAME', 'MX', 'MXE', 'NS', 'TXT', 'URL', 'URL301', 'FRAME'] as const;
/** Mail routing of the zone; always echoed, because leaving it out may reset it. */
export const EMAIL_TYPES = ['NONE', 'MXE', 'MX', 'FWD', 'OX', 'GMAIL'] as const;
/** Records of one domain. */
export const MAX_HOSTS = 150;
/** Characters of a host name, relative to the domain. */
export const MAX_HOST_NAME = 60;
/** Characters of the target of CNAME, ALIAS, NS, URL and the like. */
export const MAX_TARGET = 255;
export const MAX_TXT = 2_500;
/** Seconds. */
export const TTL_RANGE = { least: 60, most: 60_000 } as const;

export const hostRowSchema = z.strictObject({
  /** Relative to the domain: `@` is the apex, `*` a wildcard. As the vendor writes it. */
  name: z.string().min(1).max(253),
  type: z.enum(HOST_TYPES),
  address: z.string().max(MAX_TXT),
  mxPref: z.number().int().min(0).max(255),
  ttl: z.number().int().min(TTL_RANGE.least).max(TTL_RANGE.most),
});
export type HostRow = z.infer<typeof hostRowSchema>;

export const hostTableSchema = z.strictObject({
  /** Lower-case A-labels without trailing dot. */
  domain: z.string().min(3).max(253),
  emailType: z.enum(EMAIL_TYPES),
  rows: z.array(hostRowSchema).max(MAX_HOSTS),
});
export type HostTable = z.infer<typeof hostTableSchema>;

/** One row of the separate list of SRV records, which `setHosts` neither shows nor takes. */
export const srvRowSchema = z.strictObject({
  service: z.string().max(100),
  protocol: z.string().max(100),
  priority: z.number().int(),
  weight: z.number().int(),
  port: z.number().int(),
  target: z.string().max(253),
});
export type SrvRow = z.infer<typeof srvRowSchema>;
