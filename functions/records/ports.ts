/** What declared records need from the rest of the edge; adapters are wired in `composition.ts`. Calls go down only. */
import { z } from 'zod';
import type { InstancesResponse } from '../../shared/relay/contract.ts';
import { authoritySchema, configurationSchema, dnsVendorSchema, type DnsVendor } from '../config/configuration.ts';
import type { DeclareRequest } from '../dns/zone-requests.ts';

/** What of a configuration in force concerns declared records. */
export const recordsDeclarationSchema = z.object({
  generation: z.number().int().nonnegative(),
  records: configurationSchema.shape.records.unwrap(),
  /** In the order of the configuration. */
  vendors: z.array(dnsVendorSchema),
  authorities: z.array(authoritySchema),
  /** Clusters whose relays may carry requests to a CA, in order of preference. */
  clusters: z.array(z.string()),
});
export type RecordsDeclaration = z.infer<typeof recordsDeclarationSchema>;

/** A zone and the block through which it was found. */
export interface FoundZone {
  vendor: DnsVendor;
  zone: { id: string; name: string };
}

export type Instance = InstancesResponse['instances'][number];

/** What a CA is called in CAA (RFC 8659 §4.2), and our account there (RFC 8657 §3). */
export interface AuthorityIdentity {
  /** As its directory (RFC 8555 §7.1.1) or the configuration names it. */
  identities: string[];
  /** Null while no account is registered. */
  accountUrl: string | null;
}

/** Each method throws PerennialError; what is asked may be asked again. */
export interface RecordsPorts {
  /** The longest zone that holds the name. @throws `dns_zone_not_found`, `dns_zone_inactive`, … */
  place(name: string): Promise<FoundZone>;
  /** @throws `relay_offline`, … */
  instances(source: { cluster: string; service: string; namespace: string }): Promise<Instance[]>;
  /** Registers nothing. */
  authority(name: string): Promise<AuthorityIdentity>;
  declare(request: DeclareRequest): Promise<void>;
}
