/** Values of records in the one form that is compared: IPv6 (RFC 5952) and CAA (RFC 8659 §4.1.1). */

/** The shortest form of an IPv6 address; any other text as it is. */
export function canonicalAddress(text: string): string {
  if (!text.includes(':') || !/^[0-9a-fA-F:.]+$/.test(text)) return text;
  try {
    return new URL(`http://[${text}]/`).hostname.slice(1, -1);
  } catch {
    return text;
  }
}

/** `0 issue letsencrypt.org` and `0 issue "letsencrypt.org"` as the latter; null when it is no CAA value. */
export function parseCaa(text: string): string | null {
  const [, flags, tag, value] = /^\s*(\d{1,3})\s+([A-Za-z0-9]+)\s+(\S.*?)\s*$/su.exec(text) ?? [];
  if (flags === undefined || tag === undefined || value === undefined || Number(flags) > 255) return null;
  const bare = value.length >= 2 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value;
  return `${Number(flags)} ${tag.toLowerCase()} "${bare}"`;
}
