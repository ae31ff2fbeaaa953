/**
 * How long to wait after a failure, by class (reference: RFC 8555 §6.7 types, Let's Encrypt's integration guide).
 * Pure: the caller passes the clock and the dice.
 */
import { DAY, HOUR, MINUTE, SECOND } from '../../shared/clock.ts';
import type { FailureClass } from './ports.ts';

/** Waits after the first, second, … failure in a row; the last one repeats. Milliseconds. */
const STEPS: Record<FailureClass, readonly number[]> = {
  protocol: [2 * SECOND, 10 * SECOND, MINUTE, 10 * MINUTE, HOUR],
  overload: [MINUTE, 10 * MINUTE, 100 * MINUTE, 6 * HOUR],
  limit: [HOUR, 6 * HOUR, DAY],
  paused: [DAY],
  state: [2 * SECOND, 10 * SECOND, MINUTE, 10 * MINUTE, HOUR],
  replaces: [SECOND, MINUTE, HOUR],
  validation: [15 * MINUTE, HOUR, 6 * HOUR, DAY],
  account: [HOUR, 6 * HOUR, DAY],
  permanent: [6 * HOUR, DAY],
  dns: [10 * SECOND, 30 * SECOND, 2 * MINUTE, 10 * MINUTE, 30 * MINUTE, HOUR],
  relay: [5 * SECOND, 15 * SECOND, MINUTE, 5 * MINUTE, 15 * MINUTE],
  nomad: [5 * SECOND, 15 * SECOND, MINUTE, 5 * MINUTE, 15 * MINUTE],
  traefik: [15 * SECOND, MINUTE, 5 * MINUTE, 15 * MINUTE],
  internal: [10 * SECOND, MINUTE, 10 * MINUTE, HOUR],
};

export interface BackoffInput {
  class: FailureClass;
  /** Failures in a row, 1 for the first. */
  count: number;
  now: number;
  /** What the failing part asked for (Retry-After), Unix ms. Never undercut. */
  retryAt: number | undefined;
  /** Life left of the certificate that is served, ms; null when there is none. Caps the wait at a tenth of it, not below a minute. */
  lifeLeft: number | null;
  /** Uniform in [0, 1). */
  random: number;
}

/** Unix ms of the next try: the class's step with jitter of up to a quarter, capped by the life that is left. */
export function retryTime(input: BackoffInput): number {
  const steps = STEPS[input.class];
  const step = steps[Math.min(input.count, steps.length) - 1] ?? HOUR;
  // The more urgent, the more often; but classes that burn a CA's limits keep their own pace.
  const patient = input.class === 'limit' || input.class === 'paused' || input.class === 'validation' || input.class === 'account';
  const cap = input.lifeLeft === null || patient ? Number.POSITIVE_INFINITY : Math.max(MINUTE, input.lifeLeft / 10);
  const wait = Math.min(step, cap) * (1 + input.random / 4);
  return Math.round(Math.max(input.now + wait, input.retryAt ?? 0));
}
