/** What certificates report, validated where it enters the fleet's storage and where it leaves it. */
import { z } from 'zod';
import type { CertificateReport, CertificateView } from '../certificates/ports.ts';
import { failureClassSchema, phaseSchema } from '../certificates/state.ts';
import { certificateNameSchema, keyTypeSchema } from '../../shared/relay/contract.ts';

const ms = z.number();
const text = z.string().max(4_000);
const requests = z.object({ acme: z.number(), dns: z.number(), relay: z.number() });
const failure = z.object({ code: text, message: text, hint: text.nullable(), retryAt: ms.nullable() });
const attention = { attention: z.boolean().default(false), stopped: z.boolean().default(false) };

export const certificateViewSchema = z.object({
  name: certificateNameSchema,
  domains: z.array(z.string().max(253)).max(100),
  state: z.enum(['new', 'live', 'partly-live', 'renewing', 'waiting', 'failing', 'needs-attention', 'retired']),
  phase: phaseSchema,
  reason: text,
  waitingFor: text.nullable(),
  nextAt: ms.nullable(),
  renewal: z.object({ at: ms, reason: text }).nullable(),
  // Absent in reports of the release before, as every member below that has a default.
  ari: z
    .object({
      start: ms.nullable(),
      end: ms.nullable(),
      selectedAt: ms.nullable(),
      explanationUrl: text.nullable(),
      nextCheckAt: ms,
      failures: z.number(),
    })
    .nullable()
    .default(null),
  live: z
    .object({
      sha256: text,
      names: z.array(text).max(200),
      issuer: text,
      authority: text.nullable(),
      serial: text,
      notBefore: ms,
      notAfter: ms,
      since: ms,
      adopted: z.boolean(),
      keyType: keyTypeSchema.nullable().default(null),
      why: text.nullable().default(null),
      revoked: z.object({ at: ms, reason: z.number() }).nullable().default(null),
    })
    .nullable(),
  issuance: z
    .object({
      id: text,
      startedAt: ms,
      attempt: z.number(),
      authority: text,
      keyType: keyTypeSchema.nullable().default(null),
      profile: text.nullable().default(null),
      left: z
        .array(z.object({ authority: text, at: ms, code: text, message: text }))
        .max(20)
        .default([]),
      keyMadeIn: text.nullable(),
      phases: z.array(z.object({ name: phaseSchema, startedAt: ms, endedAt: ms.nullable() })).max(500),
      propagation: z
        .object({
          complete: z.boolean(),
          summary: text,
          weak: z.boolean(),
          servers: z.array(z.object({ name: text, kind: z.enum(['authoritative', 'resolver']), seen: z.boolean(), detail: text })).max(500),
        })
        .nullable(),
      failure: failure.extend({ class: failureClassSchema, ...attention }).nullable(),
      requests,
    })
    .nullable(),
  deliveries: z
    .array(
      z.object({
        id: text,
        cluster: text,
        variable: text,
        index: z.number().nullable(),
        sha256: text.nullable(),
        state: z.enum(['pending', 'installed', 'live', 'partly-live', 'waiting-for-instance', 'wrong', 'drift', 'failing']),
        instances: z
          .array(
            z.object({
              id: text,
              address: text,
              port: z.number(),
              verdict: text,
              detail: text,
              sha256: text.nullable(),
              issuer: text.nullable().default(null),
              notAfter: ms.nullable().default(null),
              at: ms,
            }),
          )
          .max(500),
        rollback: z.object({ from: text, to: text.nullable(), at: ms, done: z.boolean() }).nullable().default(null),
        failure: failure.nullable(),
      }),
    )
    .max(16),
  hold: failure.nullable().default(null),
  quarantined: z.array(text).max(16).default([]),
  revocation: z
    .object({ sha256: text, reason: z.number(), signer: z.enum(['account', 'certificate']), at: ms, failure: failure.nullable() })
    .nullable()
    .default(null),
  history: z
    .array(
      z.object({
        id: text,
        startedAt: ms,
        endedAt: ms,
        outcome: z.enum(['live', 'failed', 'abandoned']),
        sha256: text.nullable(),
        authority: text,
        phases: z.array(z.object({ name: phaseSchema, ms: z.number() })).max(500),
        message: text,
        requests,
      }),
    )
    .max(100),
  zones: z
    .array(z.object({ vendor: z.string().max(63), zoneId: z.string().max(300), zoneName: z.string().max(253) }))
    .max(100)
    .default([]),
  generation: z.number().int(),
}) satisfies z.ZodType<CertificateView>;

export const certificateReportSchema = z.object({
  name: certificateNameSchema,
  sequence: z.number().int().nonnegative(),
  at: ms,
  view: certificateViewSchema,
  events: z
    .array(
      z.object({
        sequence: z.number().int().nonnegative(),
        at: ms,
        kind: z.string().max(64),
        message: text,
        severity: z.enum(['info', 'warning', 'critical']).optional(),
      }),
    )
    .max(1_000),
}) satisfies z.ZodType<CertificateReport>;

/** Rows of SQLite hold at most 2 MB; a view near that is broken. */
export const MAX_VIEW_CHARACTERS = 1_000_000;
