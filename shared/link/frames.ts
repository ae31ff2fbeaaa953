/**
 * Frames on the outbound link (one WebSocket from the relay to `/relay/connect?cluster=<name>`), each one JSON text.
 *
 * Opening: edge sends `challenge`; relay answers `hello`; edge answers `welcome` or `refused` and closes.
 * Then the edge sends `request`, the relay `response` and, unasked, `event`. The heartbeat is the bare text
 * {@link HEARTBEAT_PING}, answered with {@link HEARTBEAT_PONG} by the runtime without waking the object.
 */
import { z } from 'zod';
import { errorDataSchema } from '../errors.ts';
import { idSchema, MAX_BODY_BYTES } from '../relay/contract.ts';

export const HEARTBEAT_PING = 'perennial-ping';
export const HEARTBEAT_PONG = 'perennial-pong';
/** The relay sends a ping this often, in milliseconds. */
export const HEARTBEAT_INTERVAL_MS = 15_000;
/** Largest frame either side accepts, in UTF-16 units: a full body, escaped, and its signature. */
export const MAX_FRAME_LENGTH = 2 * MAX_BODY_BYTES + 16_384;
/** WebSocket close codes of our own. */
export const CLOSE = { refused: 4001, protocol: 4002, replaced: 4003, shutdown: 4004 } as const;

const token = z.string().max(8_192);
const nonce = z.string().regex(/^[A-Za-z0-9_-]{22,64}$/);
const frameId = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/);
const body = z.string().max(MAX_BODY_BYTES);

export const challengeFrame = z.object({ type: z.literal('challenge'), nonce, origin: z.string().max(300), cluster: idSchema, time: z.number().int() });
export const helloFrame = z.object({ type: z.literal('hello'), token });
export const welcomeFrame = z.object({ type: z.literal('welcome'), token });
export const refusedFrame = z.object({ type: z.literal('refused'), error: errorDataSchema });
export const requestFrame = z.object({
  type: z.literal('request'),
  id: frameId,
  token,
  method: z.enum(['GET', 'POST', 'PUT', 'DELETE']),
  /** Raw path and query, as signed. */
  path: z.string().max(1_024).startsWith('/'),
  contentType: z.string().max(100),
  body,
});
export const responseFrame = z.object({
  type: z.literal('response'),
  id: frameId,
  token,
  status: z.number().int().min(100).max(599),
  contentType: z.string().max(100),
  body,
});
/** Something the relay saw by itself: its five-minute dial showed another verdict. `body` is JSON of {@link relayEventSchema}. */
export const eventFrame = z.object({ type: z.literal('event'), token, body: z.string().max(65_536) });

export const edgeToRelayFrame = z.discriminatedUnion('type', [challengeFrame, welcomeFrame, refusedFrame, requestFrame]);
export const relayToEdgeFrame = z.discriminatedUnion('type', [helloFrame, responseFrame, eventFrame]);
export type RequestFrame = z.infer<typeof requestFrame>;
export type ResponseFrame = z.infer<typeof responseFrame>;
export type ChallengeFrame = z.infer<typeof challengeFrame>;

export const relayEventSchema = z.object({
  kind: z.literal('served-changed'),
  certificate: z.string().max(64),
  /** instance id -> verdict */
  verdicts: z.record(z.string().max(300), z.string().max(20)),
  at: z.number().int(),
});
export type RelayEvent = z.infer<typeof relayEventSchema>;
