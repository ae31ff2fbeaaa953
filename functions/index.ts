/** Entry of the Worker. Thin: routes and handlers live in `web/`, objects in their own folders. */
export { CaObject } from './acme/ca-object.ts';
export { CertificateObject } from './certificates/certificate-object.ts';
export { ClusterObject } from './clusters/cluster-object.ts';
export { ZoneObject } from './dns/zone-object.ts';
export { FleetObject } from './fleet/fleet-object.ts';
export { SecretsObject } from './secrets/secrets-object.ts';
import type { Environment } from './environment.ts';

export default {
  fetch: () => new Response('not found', { status: 404 }),
} satisfies ExportedHandler<Environment>;
