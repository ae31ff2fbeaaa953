/**
 * Where a zone is found in the API: `/api/v1/zones/<provider>/<zone>`. `<zone>` is the zone's name, or the vendor's id of
 * it; a slash in an id (Namecheap: `<user>/<domain>`) is written as `~`, which no id holds, because proxies take `%2F` apart.
 */
export function zoneAddress({ provider, zoneId }: { provider: string; zoneId: string }): string {
  return `/api/v1/zones/${provider}/${encodeURIComponent(zoneId.replaceAll('/', '~'))}`;
}

/** The vendor's id that stands in an address, where it is one. */
export function zoneIdIn(text: string): string {
  return text.replaceAll('~', '/');
}
