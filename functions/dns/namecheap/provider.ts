/** Namecheap as a {@link TableProvider}. */
import type { NamecheapVendor } from '../../config/configuration.ts';
import { DnsError } from '../dns-error.ts';
import type { TableProvider } from '../provider.ts';
import type { NamecheapRelay } from './relay.ts';

export function createNamecheapProvider(vendor: NamecheapVendor, _relay: NamecheapRelay): TableProvider {
  throw new DnsError('dns_relay_missing', `[dns.${vendor.name}] is being built.`);
}
