/**
 * The compiled configuration: what `certificates.toml` becomes at build time, frozen and complete.
 *
 * This is the only shape the edge reads; the TOML surface is parsed by `compile.ts`. Defaults are filled in here, names
 * are lower-case A-labels without trailing dot, references between blocks are checked.
 */
import { z } from 'zod';
import { certificateNameSchema, dnsNameSchema, keyTypeSchema, namecheapAccountSchema, reloadModeSchema, targetSchema } from '../../shared/relay/contract.ts';
import { publicKeySchema } from '../../shared/link/signatures.ts';

/** `secret:<name>`: a value in the SecretStore, never in the file. */
export const secretReferenceSchema = z.string().regex(/^secret:[a-z0-9][a-z0-9-]{0,62}$/);
/** https anywhere, http on loopback only (emulators). */
const endpointSchema = z.url().max(300);
const blockNameSchema = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/);
export const egressSchema = z.union([z.literal('direct'), z.literal('auto'), z.strictObject({ cluster: blockNameSchema })]);

/** A token bucket of a CA's rate limit: `capacity` at once, one more every `refillMs`. */
export const bucketSchema = z.strictObject({
  capacity: z.number().int().min(1).max(1_000_000),
  refillMs: z
    .number()
    .int()
    .min(1)
    .max(31 * 86_400_000),
});
export type Bucket = z.infer<typeof bucketSchema>;

/** A CA's rate limits as data; null where the CA has none or nobody knows. */
export const limitsSchema = z.strictObject({
  /** New orders of one account. */
  newOrders: bucketSchema.nullable(),
  /** New certificates per registered domain (public suffix plus one label). */
  perDomain: bucketSchema.nullable(),
  /** Certificates for exactly the same names. */
  perSet: bucketSchema.nullable(),
  /** Failed validations per name and account. */
  failedValidations: bucketSchema.nullable(),
});
export type Limits = z.infer<typeof limitsSchema>;

export const authoritySchema = z.strictObject({
  name: blockNameSchema,
  directory: endpointSchema,
  contact: z.array(z.string().startsWith('mailto:')).max(5),
  egress: egressSchema,
  externalAccount: z.strictObject({ keyId: z.string().max(200), hmacKey: secretReferenceSchema }).nullable(),
  /** By which names CAA records know it (RFC 8659 §4.2), for a CA whose directory does not say. */
  caa: z.array(dnsNameSchema).max(20).default([]),
  /** Profile to order from this CA, in place of the certificate's; null: the certificate's. */
  profile: z.string().max(64).nullable().default(null),
  limits: limitsSchema.nullable().default(null),
  /** Authorizations are given up once the certificate is issued, so that a stolen account key cannot reuse them. */
  deactivateAuthorizations: z.boolean().default(true),
});

export const cloudflareVendorSchema = z.strictObject({
  name: blockNameSchema,
  provider: z.literal('cloudflare'),
  token: secretReferenceSchema,
  endpoint: endpointSchema.nullable(),
  /** Makes the zone look-up, and with it Zone:Read, unnecessary. */
  zoneId: z
    .string()
    .regex(/^[0-9a-f]{32}$/)
    .nullable(),
  /** A name in a zone of this block below which delegated challenges are published; null when none is offered. */
  delegation: dnsNameSchema.nullable().default(null),
});

/** The key and the domains stand in the relay's law; the edge knows the account's name and who speaks for it. */
export const namecheapVendorSchema = z.strictObject({
  name: blockNameSchema,
  provider: z.literal('namecheap'),
  /** `ApiUser`. */
  user: namecheapAccountSchema,
  /** The cluster whose address is whitelisted and whose relay holds the key. */
  egress: blockNameSchema,
});

export const dnsVendorSchema = z.discriminatedUnion('provider', [cloudflareVendorSchema, namecheapVendorSchema]);

/** A DNS record that is kept as declared (`[[records]]`): one block per name and type. */
export const declaredRecordSchema = z.strictObject({
  /** May be a wildcard. */
  name: dnsNameSchema,
  type: z.enum(['A', 'AAAA', 'CNAME', 'TXT', 'CAA']),
  source: z.discriminatedUnion('kind', [
    /** Values as DNS serves them: TXT unquoted, CAA as `0 issue "ca.example"`. */
    z.strictObject({ kind: z.literal('values'), values: z.array(z.string().min(1).max(2_048)).min(1).max(50) }),
    /** Addresses of the healthy instances of a service, as the cluster's relay reports them. */
    z.strictObject({ kind: z.literal('instances'), cluster: blockNameSchema, service: z.string().min(1).max(128), namespace: z.string().min(1).max(128) }),
    /** CAA for these authorities with their account URL and `validationmethods=dns-01` (RFC 8657). */
    z.strictObject({ kind: z.literal('authorities'), authorities: z.array(blockNameSchema).min(1).max(10) }),
  ]),
  /** Seconds. */
  ttl: z.number().int().min(60).max(60_000),
  /** Records of somebody else with this name and type may be taken over. */
  adopt: z.boolean(),
});
export type DeclaredRecord = z.infer<typeof declaredRecordSchema>;

export const clusterSchema = z.strictObject({ name: blockNameSchema, keys: z.array(publicKeySchema).min(1).max(8) });

export const deliverySchema = z.strictObject({
  /** `<cluster>/<namespace>/<variable>`, the delivery's stable identity. */
  id: z.string().max(400),
  cluster: blockNameSchema,
  target: targetSchema,
  service: z.string().min(1).max(128),
  probes: z.array(dnsNameSchema).max(20),
  reload: reloadModeSchema,
  blind: z.boolean(),
  /** The previous pair is put back when a proxy that served before cannot serve the new one (DESIGN §7). */
  rollback: z.boolean().default(false),
});
export type Delivery = z.infer<typeof deliverySchema>;

export const certificateSpecSchema = z.strictObject({
  name: certificateNameSchema,
  domains: z.array(dnsNameSchema).min(1).max(100),
  keyType: keyTypeSchema,
  /** Authority names, tried in this order. */
  authorities: z.array(blockNameSchema).min(1).max(5),
  profile: z.string().max(64).nullable(),
  preferredChain: z.string().max(200).nullable(),
  /** Renewals keep the key of the certificate before; a new key otherwise. */
  reuseKey: z.boolean().default(false),
  deliveries: z.array(deliverySchema).min(1).max(16),
});
export type CertificateSpec = z.infer<typeof certificateSpecSchema>;

export const configurationSchema = z.strictObject({
  authorities: z.array(authoritySchema).min(1).max(10),
  dns: z.array(dnsVendorSchema).min(1).max(50),
  clusters: z.array(clusterSchema).min(1).max(100),
  certificates: z.array(certificateSpecSchema).max(20_000),
  records: z.array(declaredRecordSchema).max(1_000).default([]),
  /** DoH resolvers (RFC 8484 wire format), at least two. */
  resolvers: z
    .array(z.strictObject({ name: blockNameSchema, url: endpointSchema }))
    .min(2)
    .max(6),
  webhooks: z
    .array(
      z.strictObject({
        name: blockNameSchema,
        /** Bearer token (`token`) or Standard Webhooks signing secret (`signing`). */
        kind: z.enum(['token', 'signing']),
        secret: secretReferenceSchema,
        /** `'*'`: every certificate, present and future. */
        certificates: z.union([z.literal('*'), z.array(certificateNameSchema).min(1).max(20_000)]),
        scopes: z.array(z.enum(['renew', 'renew:force', 'reload'])).min(1),
      }),
    )
    .max(100),
  /** SecretStore: sealed in Durable Object storage, or AWS Secrets Manager under one prefix. */
  secrets: z.discriminatedUnion('store', [
    z.strictObject({ store: z.literal('sealed') }),
    z.strictObject({ store: z.literal('aws'), region: z.string().max(40), prefix: z.string().max(200), endpoint: endpointSchema.nullable() }),
  ]),
});
export type Configuration = z.infer<typeof configurationSchema>;
export type Authority = z.infer<typeof authoritySchema>;
export type DnsVendor = z.infer<typeof dnsVendorSchema>;
export type CloudflareVendor = z.infer<typeof cloudflareVendorSchema>;
export type NamecheapVendor = z.infer<typeof namecheapVendorSchema>;

/** One thing that is wrong in `certificates.toml`. */
export interface Problem {
  /** Line and column in the file, 1-based; absent when the place is not in the text (a missing block). */
  line?: number;
  column?: number;
  /** Path of the value: `certificates[0].deliver[1].cluster`. */
  path: string;
  /** What is wrong, what was expected, what to write instead. */
  message: string;
}

/** What the build puts into the bundle (`.build/configuration.json`). */
export type CompiledConfiguration = { valid: true; hash: string; configuration: Configuration } | { valid: false; hash: string; problems: Problem[] };
