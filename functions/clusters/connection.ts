/**
 * One WebSocket of a relay, as it survives hibernation: everything the edge knows about it lives in the socket's
 * attachment (DESIGN §7), so that an object which lost its memory goes on with the same nonce and sequence.
 */
import { z } from 'zod';
import { publicKeySchema } from '../../shared/link/signatures.ts';

const openingSchema = z.object({
  phase: z.literal('opening'),
  cluster: z.string(),
  origin: z.string(),
  challenge: z.string(),
  openedAt: z.number(),
});

const openSchema = z.object({
  phase: z.literal('open'),
  cluster: z.string(),
  origin: z.string(),
  allocation: z.string(),
  /** The key that signed the hello: only it may sign on this connection. */
  key: publicKeySchema,
  connection: z.string(),
  /** Of the last request sent, and of the last event received. */
  sequence: z.number().int(),
  eventSequence: z.number().int(),
  contract: z.number().int(),
  bundle: z.string(),
  /** Relay clock minus edge clock at the hello, ms. Shown, never decided on. */
  skewMs: z.number(),
  since: z.number(),
});

export const connectionSchema = z.discriminatedUnion('phase', [openingSchema, openSchema]);
export type Connection = z.infer<typeof connectionSchema>;
export type OpenConnection = z.infer<typeof openSchema>;

export function connectionOf(socket: WebSocket): Connection | null {
  const parsed = connectionSchema.safeParse(socket.deserializeAttachment());
  return parsed.success ? parsed.data : null;
}

export interface RelayFacts {
  allocation: string;
  lastSeenAt: number;
  contract: number;
  bundle: string;
  skewMs: number;
  since: number;
}

export interface ClusterStatus {
  cluster: string;
  state: 'online' | 'silent' | 'offline' | 'too-old';
  relays: RelayFacts[];
  /** Unix ms of the newest sign of life of any relay, ever; null before the first. */
  lastSeenAt: number | null;
  /** Since when it is in this state, as far as known. */
  since: number | null;
  /** Why the last relay was refused, if that is newer than the last one accepted. */
  refused: { code: string; message: string; hint: string | null; at: number } | null;
}
