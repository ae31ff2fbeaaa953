/**
 * Bindings and secrets of the Worker (`wrangler.toml`). Nothing else reads them: `composition.ts` turns them into ports.
 */
import type { CaObject } from './acme/ca-object.ts';
import type { CertificateObject } from './certificates/certificate-object.ts';
import type { ClusterObject } from './clusters/cluster-object.ts';
import type { DnsAccountObject } from './dns/account/account-object.ts';
import type { ZoneObject } from './dns/zone-object.ts';
import type { FleetObject } from './fleet/fleet-object.ts';
import type { RecordsObject } from './records/records-object.ts';
import type { SecretsObject } from './secrets/secrets-object.ts';

export interface Environment {
  /** One per certificate name. */
  CERTIFICATES: DurableObjectNamespace<CertificateObject>;
  /** One per `<vendor provider>:<vendor's zone id>`. */
  ZONES: DurableObjectNamespace<ZoneObject>;
  /** One per `<vendor provider>:<user>`, for vendors that count calls per account. */
  DNS_ACCOUNTS: DurableObjectNamespace<DnsAccountObject>;
  /** One per ACME directory URL. */
  AUTHORITIES: DurableObjectNamespace<CaObject>;
  /** One per cluster name. */
  CLUSTERS: DurableObjectNamespace<ClusterObject>;
  /** One, named `fleet`. */
  FLEET: DurableObjectNamespace<FleetObject>;
  /** One, named `records`. */
  RECORDS: DurableObjectNamespace<RecordsObject>;
  /** One, named `secrets`. */
  SECRETS: DurableObjectNamespace<SecretsObject>;

  /** Worker secret: 32 bytes base64 that seal the SecretStore; `SEALING_KEY_PREVIOUS` is still read. */
  SEALING_KEY?: string;
  SEALING_KEY_PREVIOUS?: string;
  /** Worker secret: Ed25519 private JWK (with `kid`) that signs towards relays. */
  EDGE_KEY?: string;
  /** Worker secret: opens the full page and the administration API. At least 20 characters. */
  ADMIN_TOKEN?: string;
  /** Anything but the empty text holds every certificate: nothing is ordered, registered or delivered until it is gone. */
  HOLD?: string;
  /** RFC 7638 thumbprint of the one key that backups are made for; any key of the administrator's choice when unset. */
  BACKUP_KEY?: string;
  /** Worker secrets for `secrets.store = "aws"`. */
  AWS_ACCESS_KEY_ID?: string;
  AWS_SECRET_ACCESS_KEY?: string;
}
