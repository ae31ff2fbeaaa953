/**
 * The relay's log: one JSON line per event on standard output, made of the fields listed here and nothing else. Bodies,
 * keys, tokens and whole messages of others never get in, because no field takes them.
 */
import type { Clock } from '../../shared/clock.ts';

export interface RequestLine {
  event: 'request';
  route: string;
  status: number;
  ms: number;
  certificate?: string | undefined;
  /** Error code of a refusal. */
  code?: string | undefined;
  /** Name and code of an unexpected error. */
  cause?: string | undefined;
}

export interface LifecycleLine {
  event: 'started' | 'link' | 'sweep' | 'served-changed' | 'stopping' | 'stopped' | 'failed';
  state?: string | undefined;
  code?: string | undefined;
  /** A sentence of our own. */
  message?: string | undefined;
  hint?: string | undefined;
  /** Milliseconds until the next try. */
  retryInMs?: number | undefined;
  certificate?: string | undefined;
  count?: number | undefined;
}

export type Log = (line: RequestLine | LifecycleLine) => void;

export function createLog(clock: Clock, write: (text: string) => void): Log {
  return (line) => write(`${JSON.stringify({ time: new Date(clock()).toISOString(), ...line })}\n`);
}
