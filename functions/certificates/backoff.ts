/**
 * What becomes of a failure, by class (reference: RFC 8555 §6.7 types, Let's Encrypt's integration guide): how long to
 * wait, when a person has to look, and when trying ends. Data, and pure functions of it: the caller passes the clock and
 * the dice.
 */
import { DAY, HOUR, MINUTE, SECOND } from '../../shared/clock.ts';
import type { FailureClass } from './ports.ts';

export interface FailurePolicy {
  /** Waits after the first, second, … failure in a row, ms; the last one repeats. */
  steps: readonly number[];
  /** From so many failures in a row on a person has to look. Where trying goes on, that is about a day of them. */
  attentionAfter: number;
  /** After so many failures in a row nothing is tried any more until a person or a changed specification asks for it; null never. */
  stopsAfter: number | null;
  /** Haste would burn a limit of the CA: these keep their pace however little life is left. */
  patient: boolean;
  /** What a person can do, where the failing part does not say. */
  advice: string;
}

const BY_ITSELF = 'It is tried again by itself; there is nothing to do unless this lasts.';

export const FAILURE_POLICIES: Record<FailureClass, FailurePolicy> = {
  protocol: { steps: [2 * SECOND, 10 * SECOND, MINUTE, 10 * MINUTE, HOUR], attentionAfter: 28, stopsAfter: null, patient: false, advice: BY_ITSELF },
  overload: {
    steps: [MINUTE, 10 * MINUTE, 100 * MINUTE, 6 * HOUR],
    attentionAfter: 7,
    stopsAfter: null,
    patient: false,
    advice: "It is tried again by itself; look at the CA's status page if this lasts.",
  },
  limit: {
    steps: [HOUR, 6 * HOUR, DAY],
    attentionAfter: 3,
    stopsAfter: null,
    patient: true,
    advice: 'It is tried again by itself when the CA allows it; order less often until then.',
  },
  paused: {
    steps: [DAY],
    attentionAfter: 1,
    stopsAfter: 1,
    patient: true,
    advice: 'Mend what the CA complained about, then lift the pause on the page that the CA names.',
  },
  state: { steps: [2 * SECOND, 10 * SECOND, MINUTE, 10 * MINUTE, HOUR], attentionAfter: 28, stopsAfter: null, patient: false, advice: BY_ITSELF },
  replaces: { steps: [SECOND, MINUTE, HOUR], attentionAfter: 26, stopsAfter: null, patient: false, advice: BY_ITSELF },
  validation: {
    steps: [15 * MINUTE, HOUR, 6 * HOUR, DAY],
    attentionAfter: 3,
    stopsAfter: 30,
    patient: true,
    advice: 'Check that the challenge records can be seen from outside; a new order follows by itself.',
  },
  account: {
    steps: [HOUR, 6 * HOUR, DAY],
    attentionAfter: 1,
    stopsAfter: null,
    patient: false,
    advice: 'Mend the account or its secrets; it is tried again once a day.',
  },
  permanent: {
    steps: [6 * HOUR, DAY],
    attentionAfter: 1,
    stopsAfter: 4,
    patient: false,
    advice: 'It fails the same way every time: correct the configuration.',
  },
  dns: {
    steps: [10 * SECOND, 30 * SECOND, 2 * MINUTE, 10 * MINUTE, 30 * MINUTE, HOUR],
    attentionAfter: 29,
    stopsAfter: null,
    patient: false,
    advice: 'It is tried again by itself; check the zone and the access to it if this lasts.',
  },
  relay: {
    steps: [5 * SECOND, 15 * SECOND, MINUTE, 5 * MINUTE, 15 * MINUTE],
    attentionAfter: 100,
    stopsAfter: null,
    patient: false,
    advice: 'It is tried again by itself; check that the relay runs in the cluster if this lasts.',
  },
  nomad: {
    steps: [5 * SECOND, 15 * SECOND, MINUTE, 5 * MINUTE, 15 * MINUTE],
    attentionAfter: 100,
    stopsAfter: null,
    patient: false,
    advice: 'It is tried again by itself; check that the Nomad servers have a leader if this lasts.',
  },
  traefik: {
    steps: [15 * SECOND, MINUTE, 5 * MINUTE, 15 * MINUTE],
    attentionAfter: 110,
    stopsAfter: null,
    patient: false,
    advice: 'It is looked at again by itself; check the proxy if this lasts.',
  },
  internal: { steps: [10 * SECOND, MINUTE, 10 * MINUTE, HOUR], attentionAfter: 27, stopsAfter: null, patient: false, advice: BY_ITSELF },
};

/** With a twentieth of the lifetime left somebody has to look after so many failures, where the class would wait for more. */
const EMERGENCY_ATTENTION = 3;

export interface BackoffInput {
  class: FailureClass;
  /** Failures in a row, 1 for the first. */
  count: number;
  now: number;
  /** What the failing part asked for (Retry-After), Unix ms. Never undercut. */
  retryAt: number | undefined;
  /** Life left of the certificate that is served, ms; null when there is none. Caps the wait at a tenth of it, not below a minute. */
  lifeLeft: number | null;
  /** The last twentieth of the lifetime: nothing but a patient class waits for longer than an hour (`renewal.ts`). */
  emergency?: boolean;
  /** Uniform in [0, 1). */
  random: number;
}

/** Unix ms of the next try: the class's step with jitter of up to a quarter, capped by the life that is left. */
export function retryTime(input: BackoffInput): number {
  const { steps, patient } = FAILURE_POLICIES[input.class];
  const step = steps[Math.min(input.count, steps.length) - 1] ?? HOUR;
  // The more urgent, the more often.
  const cap = input.lifeLeft === null || patient ? Number.POSITIVE_INFINITY : Math.max(MINUTE, input.lifeLeft / 10);
  const jittered = Math.min(step, cap) * (1 + input.random / 4);
  const wait = input.emergency === true && !patient ? Math.min(jittered, HOUR) : jittered;
  return Math.round(Math.max(input.now + wait, input.retryAt ?? 0));
}

/**
 * Failures in a row after one more of `failureClass`. Another class before it keeps the wait from starting all over, so that
 * two that take turns do not make a hot loop, but is no reason to give up; a patient class waits long from its first.
 */
export function countFailure(before: { class: FailureClass; count: number } | null, failureClass: FailureClass): number {
  if (before === null) return 1;
  if (before.class === failureClass) return before.count + 1;
  const { steps, patient } = FAILURE_POLICIES[failureClass];
  return patient ? 1 : Math.min(before.count + 1, steps.length);
}

/** Whether a person has to look, and whether nothing is tried any more, after `count` failures in a row. */
export function givenUp({ class: failureClass, count, emergency }: Pick<BackoffInput, 'class' | 'count' | 'emergency'>): {
  attention: boolean;
  stopped: boolean;
} {
  const { attentionAfter, stopsAfter } = FAILURE_POLICIES[failureClass];
  const patience = emergency === true ? Math.min(attentionAfter, EMERGENCY_ATTENTION) : attentionAfter;
  return { attention: count >= patience, stopped: stopsAfter !== null && count >= stopsAfter };
}
