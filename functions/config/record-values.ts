/** Values of `[[records]]` by type, in the one form that is compared everywhere: as DNS serves them. */
import { canonicalHost } from './domains.ts';
import { choices } from './suggest.ts';

export const RECORD_TYPES = ['A', 'AAAA', 'CNAME', 'TXT', 'CAA'] as const;
export type RecordType = (typeof RECORD_TYPES)[number];

/** What a value is called, and an example of it. */
export const VALUE_OF: Readonly<Record<RecordType, { expected: string; example: string }>> = {
  A: { expected: 'an IPv4 address', example: '"192.0.2.1"' },
  AAAA: { expected: 'an IPv6 address', example: '"2001:db8::1"' },
  CNAME: { expected: 'a host name', example: '"www.example.net"' },
  TXT: { expected: 'the text of a TXT record', example: '"v=spf1 -all"' },
  CAA: { expected: 'a CAA value', example: `'0 issue "letsencrypt.org"'` },
};

/** Longest text that every vendor takes, in characters. */
const MAX_TEXT = 2_048;
/** Registered properties (IANA, Certification Authority Restriction Properties). */
const CAA_TAGS = ['issue', 'issuewild', 'iodef', 'issuemail', 'issuevmc', 'contactemail', 'contactphone'];

/** The value in canonical form; undefined, or an Error that says why, when it is none of that type. */
export function canonicalValue(type: RecordType, typed: string): string | undefined {
  switch (type) {
    case 'A':
      return ipv4(typed.trim());
    case 'AAAA':
      return ipv6(typed.trim());
    case 'CNAME':
      return canonicalHost(typed);
    case 'TXT':
      return text(typed);
    case 'CAA':
      return caa(typed.trim());
  }
}

function ipv4(typed: string): string | undefined {
  if (typed.includes(':')) throw new Error('It looks like an IPv6 address, which needs type = "AAAA".');
  const parts = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(typed)?.slice(1);
  if (parts === undefined || parts.some((part) => Number(part) > 255)) return undefined;
  // Some programs read a leading zero as octal.
  if (parts.some((part) => part.length > 1 && part.startsWith('0')))
    throw new Error(`Its numbers have leading zeros; write ${JSON.stringify(parts.map(Number).join('.'))}.`);
  return typed;
}

/** The shortest form (RFC 5952). */
function ipv6(typed: string): string | undefined {
  if (/^[\d.]+$/.test(typed)) throw new Error('It looks like an IPv4 address, which needs type = "A".');
  if (typed.includes('%')) throw new Error('A zone index is meaningless outside of its host.');
  if (!/^[0-9a-f:.]+$/i.test(typed)) return undefined;
  return URL.canParse(`http://[${typed}]/`) ? new URL(`http://[${typed}]/`).hostname.slice(1, -1) : undefined;
}

function text(typed: string): string {
  if (/^".*"$/s.test(typed)) throw new Error('Write the text itself, without quotes around it: they are added where DNS needs them.');
  if (typed === '') throw new Error('It is empty.');
  if (typed.length > MAX_TEXT) throw new Error(`It has ${typed.length} characters; at most ${MAX_TEXT} are possible.`);
  if (!/^[\x20-\x7e]*$/.test(typed)) throw new Error('It holds line breaks, or characters beyond ASCII, which vendors store in different ways.');
  if (typed !== typed.trim()) throw new Error('It begins or ends with a space, which some vendors drop.');
  return typed;
}

/** RFC 8659 §4.1.1 and, for `issue` and its kin, §4.2. */
function caa(typed: string): string | undefined {
  const [, flags, tag = '', quoted, bare] = /^(\d{1,3})\s+([a-z0-9]+)\s+(?:"([^"\\]*)"|([^\s"\\]+))$/i.exec(typed) ?? [];
  const value = (quoted ?? bare)?.trim();
  if (flags === undefined || value === undefined) return undefined;
  if (Number(flags) !== 0 && Number(flags) !== 128) throw new Error('Its flags are 0, or 128 for "critical".');
  const name = tag.toLowerCase();
  if (!CAA_TAGS.includes(name)) throw new Error(`There is no CAA property ${JSON.stringify(tag)}. ${choices(tag, CAA_TAGS, 'property')}`);
  if (!/^[\x20-\x7e]*$/.test(value)) throw new Error('It holds characters beyond ASCII.');
  if (value.length > 1_024) throw new Error('It is longer than 1024 characters.');
  if (name.startsWith('issue') && !isIssueValue(value))
    throw new Error(`After "${name}" stands the name of a CA, parameters behind semicolons, or ";" alone for no CA.`);
  if (name === 'iodef' && !/^(mailto:[^\s@]+@[^\s@]+|https?:\/\/\S+)$/i.test(value)) throw new Error('After "iodef" stands a mailto: or https: URL.');
  return `${Number(flags)} ${name} "${value}"`;
}

/** `[issuer-domain-name] [";" parameters]` (RFC 8659 §4.2). */
function isIssueValue(value: string): boolean {
  const [issuer = '', ...parameters] = value.split(';').map((part) => part.trim());
  if (issuer !== '' && !/^[a-z0-9-]+(\.[a-z0-9-]+)*$/i.test(issuer)) return false;
  if (parameters.length === 1 && parameters[0] === '') return true;
  return (issuer !== '' || parameters.length > 0) && parameters.every((parameter) => /^[a-z0-9-]+\s*=\s*[\x21-\x7e]*$/i.test(parameter));
}
