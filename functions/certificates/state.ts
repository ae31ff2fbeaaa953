/**
 * What a CertificateObject persists: a handful of JSON documents in one table, each parsed by these schemas when read.
 *
 * Everything a restart needs is in here; nothing that matters lives in memory only. Documents, their keys and their
 * members are on users' disks: change them additively and list them in docs/persisted.md.
 */
import { z } from 'zod';
import { deliverySchema, certificateSpecSchema } from '../config/configuration.ts';
import { idSchema, keyTypeSchema } from '../../shared/relay/contract.ts';

const ms = z.number().int().nonnegative();
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

export const phaseSchema = z.enum(['idle', 'adopt', 'order', 'present', 'propagate', 'validate', 'finalize', 'download', 'install', 'reload', 'verify']);
export const failureClassSchema = z.enum([
  'protocol',
  'overload',
  'limit',
  'paused',
  'state',
  'replaces',
  'validation',
  'account',
  'permanent',
  'dns',
  'relay',
  'nomad',
  'traefik',
  'internal',
]);

export const failureSchema = z.object({
  class: failureClassSchema,
  code: z.string(),
  message: z.string(),
  hint: z.string().nullable(),
  /** Unix ms of the next try. */
  retryAt: ms,
  /** Failures in a row, for the backoff. */
  count: z.number().int().positive(),
  /** Past the class's give-up point: a person has to look. */
  attention: z.boolean().default(false),
  /** No next try by itself: a person or a changed specification starts one. `retryAt` is of no meaning then. */
  stopped: z.boolean().default(false),
});
export type Failure = z.infer<typeof failureSchema>;

/** An outside call that cannot be taken back may be under way until `deadline` (DESIGN §3). */
export const intentSchema = z.object({ id: z.string(), runner: z.string(), deadline: ms });
export type Intent = z.infer<typeof intentSchema>;

const problemSchema = z.object({
  type: z.string(),
  detail: z.string(),
  subproblems: z.array(z.object({ type: z.string(), detail: z.string(), identifier: z.string().nullable() })),
});

const orderSchema = z.object({
  url: z.string(),
  status: z.enum(['pending', 'ready', 'processing', 'valid', 'invalid']),
  expires: ms.nullable(),
  authorizations: z.array(z.string()),
  finalize: z.string(),
  certificate: z.string().nullable(),
  error: problemSchema.nullable(),
  retryAt: ms.nullable(),
});

const placedRecordSchema = z.object({
  name: z.string(),
  value: z.string(),
  vendor: z.string(),
  zoneId: z.string(),
  zoneName: z.string(),
  target: z.string(),
  /** Absent in what the release before has stored; it knew Cloudflare only. */
  provider: z.enum(['cloudflare', 'namecheap']).optional(),
});

const challengeSchema = z.object({ url: z.string(), authorization: z.string(), name: z.string(), value: z.string() });

const propagationSchema = z.object({
  complete: z.boolean(),
  summary: z.string(),
  weak: z.boolean(),
  servers: z.array(z.object({ name: z.string(), kind: z.enum(['authoritative', 'resolver']), seen: z.boolean(), detail: z.string() })),
  /** Challenge names that are good: long lists are asked about over several looks. */
  confirmed: z.array(z.string()).default([]),
});

export const leafSchema = z.object({
  sha256,
  spki: sha256,
  names: z.array(z.string()),
  issuer: z.string(),
  serial: z.string(),
  notBefore: ms,
  notAfter: ms,
  certId: z.string().nullable(),
});

const requestsSchema = z.object({ acme: z.number().int(), dns: z.number().int(), relay: z.number().int() });

/** Issued and in the hands of the deliveries. */
export const issuedSchema = z.object({ chain: z.string(), leaf: leafSchema, at: ms });

export const issuanceSchema = z.object({
  id: idSchema,
  /** The specification this issuance finishes on, whatever the configuration does meanwhile. */
  spec: certificateSpecSchema,
  generation: z.number().int(),
  startedAt: ms,
  /** Why it was started, a reason constant of `renewal.ts`. */
  reason: z.string(),
  attempt: z.number().int().positive(),
  authority: z.string(),
  /** CAs that were left for the next one, oldest first, and why (DESIGN §5: ordered fallback). */
  left: z
    .array(z.object({ authority: z.string(), at: ms, class: failureClassSchema, code: z.string(), message: z.string() }))
    .max(20)
    .default([]),
  phase: phaseSchema,
  phases: z.array(z.object({ name: phaseSchema, startedAt: ms, endedAt: ms.nullable() })),
  intent: intentSchema.nullable(),
  /** RFC 9773 certID that the order replaces. */
  replaces: z.string().nullable(),
  order: orderSchema.nullable(),
  accountUrl: z.string().nullable(),
  /** Unused nonce of the CA for the next request. */
  nonce: z.string().nullable(),
  /** Authorizations read so far, and challenges answered so far: long lists take several runs. */
  authorizationsRead: z.number().int().default(0),
  answered: z.number().int().default(0),
  challenges: z.array(challengeSchema),
  key: z.object({ cluster: z.string(), csr: z.string(), spki: sha256, madeIn: z.string() }).nullable(),
  placed: z.array(placedRecordSchema),
  propagation: propagationSchema.nullable(),
  /** Orders of this CA whose chain did not fit the request, even when it was fetched twice; absent: none. */
  refusedChains: z.number().int().positive().optional(),
  /** Polls or checks made in the current phase. */
  polls: z.number().int(),
  /** Nothing of this issuance is in DNS any more. */
  cleaned: z.boolean(),
  cleanUpRetryAt: ms,
  cleanUpFailures: z.number().int().default(0),
  issued: issuedSchema.nullable(),
  failure: failureSchema.nullable(),
  /** What the last order was lost to: its count goes on, whatever succeeded since. */
  lostTo: failureSchema.nullable().default(null),
  /** Not before this time, with no failure: waiting for a poll or for propagation. */
  waitUntil: ms,
  requests: requestsSchema,
});
export type Issuance = z.infer<typeof issuanceSchema>;

export const liveSchema = z.object({
  /** Null when the certificate was adopted. */
  issuance: z.string().nullable(),
  chain: z.string(),
  leaf: leafSchema,
  authority: z.string().nullable(),
  accountUrl: z.string().nullable(),
  keyType: keyTypeSchema.nullable(),
  since: ms,
  adopted: z.boolean(),
  /** Why this CA issued it, where it is not the first one of the specification. */
  why: z.string().nullable().default(null),
  /** Authorizations of its order that are still to be deactivated. */
  authorizations: z.array(z.string()).max(200).default([]),
  /** Failures in a row of deactivating them, and the next try, Unix ms; absent: none. */
  deactivation: z.object({ failures: z.number().int().positive(), retryAt: ms }).optional(),
  /** Revoked by us, Unix ms, with the reason of RFC 5280 §5.3.1. */
  revoked: z.object({ at: ms, reason: z.number().int() }).nullable().default(null),
});
export type Live = z.infer<typeof liveSchema>;

const instanceSchema = z.object({
  id: z.string(),
  address: z.string(),
  port: z.number().int(),
  verdict: z.string(),
  detail: z.string(),
  sha256: sha256.nullable(),
  /** Issuer and end of what is served, where something is. */
  issuer: z.string().nullable().default(null),
  notAfter: ms.nullable().default(null),
  at: ms,
});

export const deliveryStateSchema = z.object({
  id: z.string(),
  spec: deliverySchema,
  /** What is to be done next for `wanted`. */
  step: z.enum(['install', 'reload', 'verify', 'done']),
  /** Leaf that is to be served; null before the first issuance. */
  wanted: sha256.nullable(),
  index: z.number().int().nullable(),
  installed: sha256.nullable(),
  /** Leaves this delivery may find without calling it drift, newest first. */
  known: z.array(sha256).max(8),
  replaceForeign: z.boolean(),
  instances: z.array(instanceSchema),
  /** First and latest dial since the install. */
  verifyingSince: ms.nullable(),
  verifiedAt: ms.nullable(),
  polls: z.number().int(),
  failure: failureSchema.nullable(),
  retryAt: ms,
  /** Instances that served validly when the install of `wanted` began: only they can call for a rollback. */
  servedBefore: z.array(z.string()).max(500).default([]),
  /** A rollback under way or done for `wanted`: once per issuance. */
  rollback: z.object({ from: sha256, to: sha256.nullable(), at: ms, done: z.boolean() }).nullable().default(null),
});
export type DeliveryState = z.infer<typeof deliveryStateSchema>;

/** RFC 9773 state of the live certificate. */
export const ariSchema = z.object({
  certId: z.string(),
  start: ms.nullable(),
  end: ms.nullable(),
  selectedAt: ms.nullable(),
  explanationUrl: z.string().nullable(),
  nextCheckAt: ms,
  failures: z.number().int(),
  /** The window that somebody was alerted about: its start, Unix ms. */
  alertedFor: ms.nullable().default(null),
});
export type Ari = z.infer<typeof ariSchema>;

export const recordSchema = z.object({
  name: z.string(),
  generation: z.number().int(),
  spec: certificateSpecSchema,
  retired: z.boolean(),
  /** The cluster was asked what it already serves (DESIGN §4: adopt before ordering). */
  adoptionDone: z.boolean(),
  adoptionFailure: failureSchema.nullable(),
  /** Zones the last issuance wrote to: their health is shown beside it. */
  zones: z.array(z.object({ vendor: z.string(), zoneId: z.string(), zoneName: z.string() })).default([]),
  /** Unix ms before which nothing but a person or a changed specification starts another issuance: the loop guard. */
  guardedUntil: ms.default(0),
  /** A new certificate is wanted although the clock says otherwise: a reason constant of `renewal.ts`. */
  demand: z.enum(['forced', 'key-not-kept']).nullable(),
  /** A revocation that a person asked for and that is not done yet (RFC 8555 §7.6). */
  revocation: z
    .object({ sha256, reason: z.number().int().min(0).max(10), signer: z.enum(['account', 'certificate']), at: ms, failure: failureSchema.nullable() })
    .nullable()
    .default(null),
  /** Leaves that were rolled back: never installed again. */
  quarantined: z.array(sha256).max(16).default([]),
  /** Holds the next issuance back, with its reason: after a rollback. A person or an emergency overrides it. */
  hold: failureSchema.nullable().default(null),
});
export type CertificateRecord = z.infer<typeof recordSchema>;

/** A specification that waits for the next run. */
export const receivedSchema = z.object({ name: z.string(), spec: certificateSpecSchema.nullable(), generation: z.number().int(), retired: z.boolean() });
export type Received = z.infer<typeof receivedSchema>;

/** A revocation that a person asked for and that waits for the next run. */
export const wantedRevocationSchema = z.object({ sha256, reason: z.number().int().min(0).max(10), signer: z.enum(['account', 'certificate']) });
export type WantedRevocation = z.infer<typeof wantedRevocationSchema>;

export const deliveriesSchema = z.array(deliveryStateSchema);

/** A finished issuance, as kept for the page. */
export const historySchema = z.object({
  id: z.string(),
  startedAt: z.number(),
  endedAt: z.number(),
  outcome: z.enum(['live', 'failed', 'abandoned']),
  sha256: z.string().nullable(),
  authority: z.string(),
  phases: z.array(z.object({ name: phaseSchema, ms: z.number() })),
  message: z.string(),
  requests: z.object({ acme: z.number(), dns: z.number(), relay: z.number() }),
});
export type HistoryEntry = z.infer<typeof historySchema>;

/** Why somebody wants the certificate to look again (`wakes.ts`). */
export const wakeReasonSchema = z.enum(['alarm', 'sweep', 'renew', 'force', 'redeliver', 'relay-connected', 'served-changed', 'configuration']);
export type WakeReason = z.infer<typeof wakeReasonSchema>;

/** Everything a decision needs. */
export interface CertificateState {
  record: CertificateRecord;
  live: Live | null;
  ari: Ari | null;
  issuance: Issuance | null;
  deliveries: DeliveryState[];
}
