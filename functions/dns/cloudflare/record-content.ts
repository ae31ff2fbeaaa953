/** A record as the API takes it, and the value that a listed one stands for: as DNS serves it, in one spelling. */
import { z } from 'zod';
import { DnsError } from '../dns-error.ts';
import type { NewRecord, RecordType } from '../provider.ts';
import { quoteTxt, unquoteTxt } from './txt-content.ts';

/** CAA in text (RFC 8659 §4.1.1): flags, tag, value in quotes or without. */
const CAA = /^(\d{1,3})\s+([a-z0-9]+)\s+(?:"((?:[^"\\]|\\.)*)"|([^\s"]+))$/is;

const caaDataSchema = z.object({ flags: z.number().int().min(0).max(255), tag: z.string().min(1).max(64), value: z.string().max(2_048) });
type CaaData = z.infer<typeof caaDataSchema>;

/** @throws DnsError `dns_refused` when a CAA value is none. */
export function toParameters({ type, name, value, ttl, comment }: NewRecord) {
  const fields = { name, ttl, comment };
  switch (type) {
    case 'CAA': {
      const data = parseCaa(value);
      if (data === null)
        throw new DnsError('dns_refused', `The CAA record for ${name} is not of the form 0 issue "ca.example".`, { hint: 'Correct its value.' });
      return { ...fields, type, data };
    }
    case 'TXT':
      return { ...fields, type, content: quoteTxt(value) };
    default:
      // A proxied name does not serve its own content.
      return { ...fields, type, content: value, proxied: false };
  }
}

/** @param data the parts of a CAA record, where the answer has them. */
export function valueOf(type: RecordType, content: string, data?: unknown): string {
  switch (type) {
    case 'TXT':
      return unquoteTxt(content);
    case 'CAA': {
      const caa = caaDataSchema.safeParse(data).data ?? parseCaa(content);
      return caa === null ? content : `${caa.flags} ${caa.tag.toLowerCase()} "${caa.value.replaceAll(/["\\]/g, String.raw`\$&`)}"`;
    }
    case 'CNAME':
      return hostName(content);
    case 'AAAA':
      return shortest(content);
    default:
      return content;
  }
}

/** Lower-case A-labels without trailing dot. */
export function hostName(name: string): string {
  const bare = name.replace(/\.$/, '').toLowerCase();
  if (/^[\u0020-\u007e]*$/.test(bare)) return bare;
  return URL.canParse(`http://${bare}/`) ? new URL(`http://${bare}/`).hostname : bare;
}

function parseCaa(text: string): CaaData | null {
  const [, flags, tag, quoted, bare] = CAA.exec(text.trim()) ?? [];
  return caaDataSchema.safeParse({ flags: Number(flags), tag: tag?.toLowerCase(), value: quoted?.replaceAll(/\\(.)/gs, '$1') ?? bare }).data ?? null;
}

/** An IPv6 address in its shortest form (RFC 5952). */
function shortest(address: string): string {
  return URL.canParse(`http://[${address}]/`) ? new URL(`http://[${address}]/`).hostname.slice(1, -1) : address;
}
