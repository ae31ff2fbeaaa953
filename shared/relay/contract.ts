/**
 * The relay's HTTP contract: what the edge may ask and what the relay answers, as schemas that both sides use.
 *
 * Bodies are JSON in UTF-8. A refusal is any status >= 400 with `{ "error": ErrorData }`. The version counts up when
 * a change cannot be understood by the other side; the edge speaks the current and the previous version.
 */
import { z } from 'zod';
import { errorDataSchema } from '../errors.ts';
import { hostTableSchema } from '../namecheap/host-table.ts';

/**
 * Contract versions. Version 1 answers one question per `POST /v1/dns/query`; version 2 answers up to 16.
 * The edge sends version 1 relays one request per question.
 */
export const CONTRACT = { current: 2, previous: 1 } as const;

/** Largest request and response body either side accepts, in bytes of UTF-8. */
export const MAX_BODY_BYTES = 1_048_576;
/** Longest time between signing a request and the end of its effect, in milliseconds (DESIGN §3: every effect <= 60 s). */
export const MAX_DEADLINE_MS = 60_000;

const hex256 = z.string().regex(/^[0-9a-f]{64}$/);
/** Ids the edge invents: issuances, operations. They become path segments of Nomad variables. */
export const idSchema = z.string().regex(/^[a-z0-9-]{1,64}$/);
export const certificateNameSchema = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/);
/** A DNS name in A-label form, optionally a wildcard; lower case, no trailing dot. */
export const dnsNameSchema = z
  .string()
  .max(253)
  .regex(/^(\*\.)?([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/);
const namesSchema = z.array(dnsNameSchema).min(1).max(100);
const pemChain = z.string().max(65_536).startsWith('-----BEGIN CERTIFICATE-----');
const unixMs = z.number().int().nonnegative();

export const keyTypeSchema = z.enum(['ec-p256', 'ec-p384', 'rsa-2048', 'rsa-3072', 'rsa-4096']);
export type KeyType = z.infer<typeof keyTypeSchema>;

/** Where a pair goes: one Nomad variable (path rules of Nomad: no dots). */
export const targetSchema = z.strictObject({
  variable: z.string().regex(/^[a-zA-Z0-9\-_~/]{1,128}$/),
  namespace: z
    .string()
    .regex(/^[a-zA-Z0-9-]{1,128}$/)
    .default('default'),
  certificateItem: z
    .string()
    .regex(/^[\p{L}\p{N}_]{1,64}$/u)
    .default('certificate'),
  keyItem: z
    .string()
    .regex(/^[\p{L}\p{N}_]{1,64}$/u)
    .default('key'),
});
export type Target = z.infer<typeof targetSchema>;

// POST /v1/keys
export const createKeyRequest = z.strictObject({
  issuance: idSchema,
  names: namesSchema,
  keyType: keyTypeSchema,
  /**
   * The issuance whose key is to be used again, if the key area still has it and it is of this type; a new one otherwise.
   * Sent only when asked for: relays from before know it not.
   */
  reuse: idSchema.optional(),
});
export const createKeyResponse = z.object({
  issuance: idSchema,
  /** PKCS#10, DER, base64url. */
  csr: z
    .string()
    .max(16_384)
    .regex(/^[A-Za-z0-9_-]+$/),
  /** SHA-256 of the SubjectPublicKeyInfo, hex. */
  spki: hex256,
  /** Where the key was made: cluster and allocation, for people. */
  madeIn: z.string().max(200),
});
export type CreateKeyRequest = z.infer<typeof createKeyRequest>;
export type CreateKeyResponse = z.infer<typeof createKeyResponse>;

// PUT /v1/certificates/:name
export const installRequest = z.strictObject({
  issuance: idSchema,
  names: namesSchema,
  chain: pemChain,
  target: targetSchema,
  /**
   * Leaf fingerprints the variable may hold for this write to go ahead without question: what the edge believes is
   * installed. Any other pair is `drift`.
   */
  known: z.array(hex256).max(8),
  /** True for a due renewal and an explicit redelivery: a foreign pair seen at the *first* read may be replaced. */
  replaceForeign: z.boolean(),
  /** write+list only (no read): no foreign items kept, no drift detection. DESIGN §7. */
  blind: z.boolean().default(false),
});
export const installResponse = z.object({
  /** Nomad ModifyIndex after the write, or of the value already there. */
  index: z.number().int().nonnegative(),
  /** SHA-256 of the leaf's DER, hex. */
  sha256: hex256,
  /** False when the variable already held exactly this pair. */
  changed: z.boolean(),
  /** Names of items that were kept as they were. */
  keptItems: z.array(z.string().max(128)).max(200),
});
export type InstallRequest = z.infer<typeof installRequest>;
export type InstallResponse = z.infer<typeof installResponse>;

// GET /v1/certificates/:name?variable=…&namespace=…&certificateItem=…&keyItem=…
/** The target stands in the query. */
export const inspectRequest = z.strictObject({ target: targetSchema });
export const inspectResponse = z.object({
  found: z.boolean(),
  index: z.number().int().nonnegative(),
  chain: pemChain.nullable(),
  sha256: hex256.nullable(),
  /** The key item fits the certificate item; null when nothing is there. */
  pairFits: z.boolean().nullable(),
  /** The relay's own record says that it wrote this fingerprint. */
  ours: z.boolean(),
});
export type InspectRequest = z.infer<typeof inspectRequest>;
export type InspectResponse = z.infer<typeof inspectResponse>;

// DELETE /v1/keys/:issuance answers { removed: boolean }
export const removeKeyResponse = z.object({ removed: z.boolean() });

// POST /v1/certificates/:name/rollback
/** Puts the previous pair back by check-and-set, if the variable still holds `from` and the relay's record has `to` as the pair before it. */
export const rollBackRequest = z.strictObject({
  target: targetSchema,
  from: hex256,
  /** Null: whatever pair stood there before. */
  to: hex256.nullable(),
});
export const rollBackResponse = z.object({
  index: z.number().int().nonnegative(),
  /** Leaf that stands there now. */
  sha256: hex256,
  /** False when the previous pair stood there already. */
  changed: z.boolean(),
});
export type RollBackRequest = z.infer<typeof rollBackRequest>;
export type RollBackResponse = z.infer<typeof rollBackResponse>;

// POST /v1/keys/:issuance/revocation
/** A revocation JWS with the certificate's own key (RFC 8555 §7.6). The relay signs for a certificate of that key only. */
export const signRevocationRequest = z.strictObject({
  chain: pemChain,
  /** RFC 5280 §5.3.1. */
  reason: z.number().int().min(0).max(10),
  /** `revokeCert` of the CA's directory. It is part of what is signed: the JWS is of no use at another address. */
  url: z.url().max(2_048).startsWith('https://'),
  nonce: z.string().regex(/^[A-Za-z0-9_-]{1,512}$/),
});
/** Flattened JWS JSON (RFC 7515 §7.2.2), ready to be posted. */
export const signRevocationResponse = z.object({ jws: z.string().max(65_536) });
export type SignRevocationRequest = z.infer<typeof signRevocationRequest>;
export type SignRevocationResponse = z.infer<typeof signRevocationResponse>;

// POST /v1/reload
export const reloadModeSchema = z.enum(['watch', 'sighup', 'http', 'restart']);
export const reloadRequest = z.strictObject({ certificate: certificateNameSchema, service: z.string().min(1).max(128), mode: reloadModeSchema });
export const reloadResponse = z.object({
  mode: reloadModeSchema,
  /** Allocations that were signalled or restarted; 0 for `watch` and `http`. */
  signalled: z.number().int().nonnegative(),
  /** One sentence for people, e.g. "Traefik watches its file; nothing to send." */
  note: z.string().max(300),
});
export type ReloadRequest = z.infer<typeof reloadRequest>;
export type ReloadResponse = z.infer<typeof reloadResponse>;

// POST /v1/verify
export const verdictSchema = z.enum(['new', 'old', 'foreign', 'default', 'cut', 'unreachable']);
/** What a fresh TLS handshake showed (DESIGN §7): the installed chain, the previous one, somebody else's, the proxy's self-signed one, a handshake cut by the proxy, no connection. */
export type Verdict = z.infer<typeof verdictSchema>;
export const verifyRequest = z.strictObject({
  certificate: certificateNameSchema,
  names: namesSchema,
  /** Leaf that must be served. */
  sha256: hex256,
  /** Leaves that count as `old`. */
  previous: z.array(hex256).max(8),
  service: z.string().min(1).max(128),
  namespace: z
    .string()
    .regex(/^[a-zA-Z0-9-]{1,128}$/)
    .default('default'),
  /** Further names to dial, below a wildcard of the certificate. */
  probes: z.array(dnsNameSchema).max(20).default([]),
});
export const servedSchema = z.object({
  sha256: hex256,
  names: z.array(z.string().max(253)).max(200),
  issuer: z.string().max(300),
  notAfter: unixMs,
});
export const instanceVerdictSchema = z.object({
  /** Service registration id, stable while the instance lives. */
  id: z.string().max(300),
  address: z.string().max(253),
  port: z.number().int().min(1).max(65_535),
  job: z.string().max(128),
  /** The worst of its names. */
  verdict: verdictSchema,
  detail: z.string().max(300),
  names: z.array(z.object({ name: z.string().max(253), verdict: verdictSchema, served: servedSchema.nullable(), detail: z.string().max(300) })).max(130),
});
export const verifyResponse = z.object({ instances: z.array(instanceVerdictSchema).max(500) });
export type VerifyRequest = z.infer<typeof verifyRequest>;
export type VerifyResponse = z.infer<typeof verifyResponse>;
export type InstanceVerdict = z.infer<typeof instanceVerdictSchema>;

// PUT /v1/watch
/**
 * What the relay is to look at by itself every five minutes, with the verdicts that the edge knows: a change of them is
 * what it reports. The edge says it again to every relay that connects, since a relay keeps nothing over a restart.
 */
export const watchEntrySchema = z.strictObject({
  request: verifyRequest,
  /** Instance id -> verdict, of the verification at `at`. */
  verdicts: z.record(z.string().max(300), verdictSchema),
  /** Unix ms of the edge; an entry that is older than what the relay has is left aside. */
  at: unixMs,
});
/** Below what a body may hold: a fleet's list comes in several requests. */
export const watchRequest = z.strictObject({ entries: z.array(watchEntrySchema).max(1_000) });
/** Certificates that the relay looks after now. */
export const watchResponse = z.object({ watched: z.number().int().nonnegative() });
export type WatchEntry = z.infer<typeof watchEntrySchema>;
export type WatchRequest = z.infer<typeof watchRequest>;
export type WatchResponse = z.infer<typeof watchResponse>;

// POST /v1/egress
export const egressRequest = z.strictObject({
  url: z.url().max(2_048),
  method: z.enum(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']),
  headers: z.array(z.tuple([z.string().max(100), z.string().max(8_192)])).max(40),
  /** base64; null for no body. */
  body: z.string().max(700_000).nullable(),
  /** The relay stops reading and refuses above this. */
  maxBytes: z.number().int().min(1).max(700_000),
});
export const egressResponse = z.object({
  status: z.number().int().min(100).max(599),
  headers: z.array(z.tuple([z.string().max(100), z.string().max(8_192)])).max(100),
  body: z.string().max(MAX_BODY_BYTES),
});
export type EgressRequest = z.infer<typeof egressRequest>;
export type EgressResponse = z.infer<typeof egressResponse>;

// POST /v1/dns/query
export const dnsTypeSchema = z.enum(['TXT', 'CNAME', 'NS', 'SOA', 'CAA', 'A', 'AAAA']);
export const dnsQuestionSchema = z.strictObject({ name: dnsNameSchema, type: dnsTypeSchema });
export const dnsQueryRequest = z.strictObject({ questions: z.array(dnsQuestionSchema).min(1).max(16) });
export const dnsServerAnswerSchema = z.object({
  /** Name of the authoritative server. */
  server: z.string().max(253),
  address: z.string().max(64),
  status: z.enum(['answer', 'nodata', 'nxdomain', 'servfail', 'refused', 'timeout', 'error']),
  /** TXT: character-strings joined; CNAME, NS: names without trailing dot; CAA: `flags tag "value"`; SOA: serial. */
  values: z.array(z.string().max(4_096)).max(100),
  /** Set when the server answered with an alias instead. */
  cname: z.string().max(253).nullable(),
});
export const dnsResultSchema = z.object({
  name: z.string().max(253),
  type: dnsTypeSchema,
  /** The zone whose servers were asked; null when none was found. */
  zone: z.string().max(253).nullable(),
  servers: z.array(dnsServerAnswerSchema).max(64),
});
export const dnsQueryResponse = z.object({ results: z.array(dnsResultSchema).max(16) });
export type DnsQuestion = z.infer<typeof dnsQuestionSchema>;
export type DnsResult = z.infer<typeof dnsResultSchema>;
export type DnsQueryResponse = z.infer<typeof dnsQueryResponse>;

// GET /v1/namecheap/:account
/** What an account's law allows; asks nobody but, for the address, the service that tells it. */
export const namecheapAccountSchema = z.string().regex(/^[A-Za-z0-9._-]{1,20}$/);
export const namecheapAccountResponse = z.object({
  account: namecheapAccountSchema,
  /** Domains this relay touches for the account: lower-case A-labels. */
  domains: z.array(dnsNameSchema).max(500),
  /** `challenges`: TXT records below `_acme-challenge` are all a write may change. */
  changes: z.enum(['challenges', 'any']),
  /** The public IPv4 address this relay's calls come from, which the account must list; null when it could not be learned. */
  address: z.ipv4().nullable(),
});
export type NamecheapAccountResponse = z.infer<typeof namecheapAccountResponse>;

// POST /v1/namecheap/query
/** The read-only commands; `setHosts` is a route of its own. */
export const NAMECHEAP_QUERIES = [
  'namecheap.domains.getList',
  'namecheap.domains.getInfo',
  'namecheap.domains.dns.getList',
  'namecheap.domains.dns.getHosts',
  'namecheap.domains.dns.getSRVRecords',
] as const;
export const namecheapQueryRequest = z.strictObject({ account: namecheapAccountSchema, command: z.enum(NAMECHEAP_QUERIES), domain: dnsNameSchema });
/** The vendor's answer as it came, unread: HTTP status and body, without any credential. */
export const namecheapReplySchema = z.object({
  status: z.number().int().min(100).max(599),
  body: z.string().max(700_000),
  /** As in {@link namecheapAccountResponse}: what the vendor was told as `ClientIp`. */
  address: z.ipv4().nullable(),
});
export type NamecheapQueryRequest = z.infer<typeof namecheapQueryRequest>;
export type NamecheapReply = z.infer<typeof namecheapReplySchema>;

// PUT /v1/namecheap/hosts
/**
 * Replaces a domain's host list. The relay reads the list once more, goes on only when it equals `expect` and when the
 * difference to `write` is allowed by its law, and sends `setHosts` at once: the second read and the write of the
 * algorithm, milliseconds apart. The vendor's answer to `setHosts` comes back unread. Sent without a usable answer:
 * `namecheap_in_doubt`. Every other refusal means that nothing was sent: `namecheap_changed`,
 * `namecheap_change_not_allowed`, `namecheap_record_refused`, and what reading made of the vendor's answer
 * (`namecheap_unreadable`, `namecheap_rate_limited`, `namecheap_refused`, … of `shared/namecheap/failures.ts`).
 */
export const namecheapWriteRequest = z.strictObject({ account: namecheapAccountSchema, expect: hostTableSchema, write: hostTableSchema });
export type NamecheapWriteRequest = z.infer<typeof namecheapWriteRequest>;

// POST /v1/instances
/** Instances of a service that the law lists, with what Nomad says about their health. Read-only. */
export const instancesRequest = z.strictObject({
  service: z.string().min(1).max(128),
  namespace: z
    .string()
    .regex(/^[a-zA-Z0-9-]{1,128}$/)
    .default('default'),
});
export const instancesResponse = z.object({
  instances: z
    .array(
      z.object({
        /** Service registration id. */
        id: z.string().max(300),
        address: z.string().max(253),
        port: z.number().int().min(1).max(65_535),
        job: z.string().max(128),
        /** Its allocation runs and no check of it fails. */
        healthy: z.boolean(),
        detail: z.string().max(300),
      }),
    )
    .max(500),
});
export type InstancesRequest = z.infer<typeof instancesRequest>;
export type InstancesResponse = z.infer<typeof instancesResponse>;

/** Body of every refusal. */
export const refusalSchema = z.object({ error: errorDataSchema });

/** Every route of the relay. `idempotent` routes may go to another relay of the cluster when one stays silent. */
export const RELAY_ROUTES = {
  createKey: { method: 'POST', path: '/v1/keys', idempotent: true },
  removeKey: { method: 'DELETE', path: '/v1/keys/:issuance', idempotent: true },
  install: { method: 'PUT', path: '/v1/certificates/:name', idempotent: true },
  inspect: { method: 'GET', path: '/v1/certificates/:name', idempotent: true },
  rollBack: { method: 'POST', path: '/v1/certificates/:name/rollback', idempotent: true },
  signRevocation: { method: 'POST', path: '/v1/keys/:issuance/revocation', idempotent: true },
  reload: { method: 'POST', path: '/v1/reload', idempotent: true },
  verify: { method: 'POST', path: '/v1/verify', idempotent: true },
  watch: { method: 'PUT', path: '/v1/watch', idempotent: true },
  egress: { method: 'POST', path: '/v1/egress', idempotent: false },
  dnsQuery: { method: 'POST', path: '/v1/dns/query', idempotent: true },
  instances: { method: 'POST', path: '/v1/instances', idempotent: true },
  namecheapAccount: { method: 'GET', path: '/v1/namecheap/:account', idempotent: true },
  namecheapQuery: { method: 'POST', path: '/v1/namecheap/query', idempotent: false },
  namecheapWrite: { method: 'PUT', path: '/v1/namecheap/hosts', idempotent: false },
} as const;
