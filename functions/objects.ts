/** The Durable Object classes as deployed: those that name their dependencies get them here. */
import { zoneDependencies } from './composition.ts';
import { ZoneObject as UnwiredZoneObject } from './dns/zone-object.ts';
import type { ZoneDependencies } from './dns/wiring.ts';

export { CaObject } from './acme/ca-object.ts';
export { CertificateObject } from './certificates/certificate-object.ts';
export { ClusterObject } from './clusters/cluster-object.ts';
export { DnsAccountObject } from './dns/account/account-object.ts';
export { FleetObject } from './fleet/fleet-object.ts';
export { RecordsObject } from './records/records-object.ts';
export { SecretsObject } from './secrets/secrets-object.ts';

export class ZoneObject extends UnwiredZoneObject {
  protected override dependencies(): ZoneDependencies {
    return zoneDependencies(this.env);
  }
}
