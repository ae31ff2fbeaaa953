/** What callers hand to a ClusterObject and get back: one HTTP request over the link, plain data without a platform. */
import type { RequestFrame } from '../../shared/link/frames.ts';

export interface LinkRequest {
  method: RequestFrame['method'];
  /** Raw path and query. */
  path: string;
  /** JSON text, or empty. */
  body: string;
  /** Longest time until the answer, ms; also the deadline that is signed. */
  timeoutMs: number;
  /** May be repeated on another relay of the cluster when one stays silent. */
  idempotent: boolean;
  /** Certificate to wake when a relay connects after this call found none. */
  caller: string | null;
}

export interface LinkResponse {
  status: number;
  body: string;
  /** Contract version of the relay that answered. */
  contract: number;
}
