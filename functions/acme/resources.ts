/**
 * The resources of RFC 8555 §7.1 and RFC 9773 §4.2 as a CA sends them, parsed into what the product uses.
 * Unknown members and unknown challenge types are ignored (RFC 8555 §7.1, §8).
 */
import { z } from 'zod';
import { PerennialError } from '../../shared/errors.ts';
import type { AcmeAuthorization, AcmeOrder } from '../certificates/ports.ts';
import { plainText, problemSchema } from './problem.ts';
import type { Reply } from './transport.ts';
import { parseJson } from './transport.ts';

const url = z.url().max(2_048);
const timestamp = z.iso.datetime({ offset: true }).transform((text) => Date.parse(text));

/** RFC 8555 §7.1.1, RFC 9773 §4.1, draft-ietf-acme-profiles §3. */
export const directorySchema = z.object({
  newNonce: url,
  newAccount: url,
  newOrder: url,
  revokeCert: url.optional(),
  keyChange: url.optional(),
  renewalInfo: url.optional(),
  meta: z
    .object({
      termsOfService: z.string().max(2_048).optional(),
      externalAccountRequired: z.boolean().optional(),
      caaIdentities: z.array(z.string().max(253)).max(20).optional(),
      profiles: z.record(z.string().max(64), z.string().max(2_048)).optional(),
    })
    .optional(),
});
export type Directory = z.infer<typeof directorySchema>;

/**
 * RFC 8555 §7.1.6: an order one of whose authorizations was closed is invalid. Pebble before 2.10 calls it by the status of the
 * authorization instead.
 */
const orderStatus = z
  .enum(['pending', 'ready', 'processing', 'valid', 'invalid', 'deactivated', 'expired', 'revoked'])
  .transform((status) => (status === 'deactivated' || status === 'expired' || status === 'revoked' ? 'invalid' : status));
const orderSchema = z.object({
  status: orderStatus,
  expires: timestamp.optional(),
  authorizations: z.array(url).max(200),
  finalize: url,
  certificate: url.optional(),
  error: problemSchema.optional(),
});

const identifiersSchema = z.object({
  identifiers: z
    .array(z.object({ type: z.literal('dns'), value: z.string().max(253).toLowerCase() }))
    .min(1)
    .max(100),
});

const challengeSchema = z.object({
  type: z.literal('dns-01'),
  url,
  status: z.enum(['pending', 'processing', 'valid', 'invalid']),
  token: z.string().regex(/^[A-Za-z0-9_-]{16,512}$/),
  error: problemSchema.optional(),
});

const authorizationSchema = z.object({
  identifier: z.object({ type: z.literal('dns'), value: z.string().max(253).toLowerCase() }),
  wildcard: z.boolean().default(false),
  status: z.enum(['pending', 'valid', 'invalid', 'deactivated', 'expired', 'revoked']),
  challenges: z.array(z.unknown()).max(50),
});

const renewalInfoSchema = z.object({
  suggestedWindow: z.object({ start: timestamp, end: timestamp }).refine(({ start, end }) => end > start, 'the window ends before it starts'),
  explanationURL: z.string().max(2_048).optional(),
});

/** Parses a JSON reply. Throws `acme_reply_malformed`, naming the members that are wrong and nothing of the text. */
export function readJson<S extends z.ZodType>(reply: Pick<Reply, 'mediaType' | 'body'>, schema: S, what: string): z.infer<S> {
  if (!reply.mediaType.endsWith('json')) {
    throw malformed(`The CA sent ${what} as "${plainText(reply.mediaType, 60)}" instead of JSON.`);
  }
  const parsed = schema.safeParse(parseJson(reply.body));
  if (parsed.success) return parsed.data;
  const places = parsed.error.issues.slice(0, 5).map((issue) => `${issue.path.join('.') || 'document'}: ${issue.code}`);
  throw malformed(`The CA sent ${what} that cannot be used (${places.join(', ')}).`);
}

function malformed(message: string): PerennialError {
  return new PerennialError('acme_reply_malformed', message, { retryable: true });
}

/** @param orderUrl from the Location header of newOrder or from storage; the document itself does not name it. */
export function readOrder(reply: Reply, orderUrl: string): AcmeOrder {
  const order = readJson(reply, orderSchema, 'an order');
  if (order.status === 'valid' && order.certificate === undefined) throw malformed('The CA calls an order valid without naming its certificate.');
  return {
    url: orderUrl,
    status: order.status,
    expires: order.expires ?? null,
    authorizations: order.authorizations,
    finalize: order.finalize,
    certificate: order.certificate ?? null,
    error: order.error ?? null,
    retryAt: reply.retryAt,
  };
}

/** The names an order is for (RFC 8555 §7.1.3); empty when the CA does not say. */
export function namesOf(reply: Pick<Reply, 'body'>): string[] {
  const parsed = identifiersSchema.safeParse(parseJson(reply.body));
  return parsed.success ? parsed.data.identifiers.map(({ value }) => value) : [];
}

/** @param txtValueOf value of the dns-01 record for a token (RFC 8555 §8.4). */
export function readAuthorization(reply: Reply, txtValueOf: (token: string) => string): AcmeAuthorization {
  const authorization = readJson(reply, authorizationSchema, 'an authorization');
  const challenge = authorization.challenges.map((each) => challengeSchema.safeParse(each)).find((parsed) => parsed.success)?.data;
  return {
    url: reply.url,
    identifier: authorization.identifier.value,
    wildcard: authorization.wildcard,
    status: authorization.status,
    dns01:
      challenge === undefined ? null : { url: challenge.url, status: challenge.status, txtValue: txtValueOf(challenge.token), error: challenge.error ?? null },
  };
}

export interface RenewalWindow {
  start: number;
  end: number;
  /** Text only: shown, never fetched. */
  explanationUrl: string | null;
}

export function readRenewalInfo(reply: Reply): RenewalWindow {
  const { suggestedWindow, explanationURL } = readJson(reply, renewalInfoSchema, 'renewal information');
  return { ...suggestedWindow, explanationUrl: explanationURL === undefined ? null : plainText(explanationURL, 500) };
}

/** Targets of `Link: <…>; rel="alternate"` (RFC 8288), resolved against the page they stand on (RFC 8555 §7.4.2). */
export function alternateLinks(link: string | null, base: string): string[] {
  const found: string[] = [];
  for (const [, target, parameters] of (link ?? '').slice(0, 8_192).matchAll(/<([^<>]*)>([^<]*)/g)) {
    if (target === undefined || !/;\s*rel\s*=\s*"?alternate"?/i.test(parameters ?? '')) continue;
    if (URL.canParse(target, base)) found.push(new URL(target, base).href);
  }
  return found;
}
