/** What a phase's effect works with. Effects change `state` and call `persist`; the loop does the rest. */
import type { Clock } from '../../../shared/clock.ts';
import { PerennialError } from '../../../shared/errors.ts';
import type { AcmePort, AcmeSession, DnsPort, EventSeverity, Phase, RelayPort, RequestBudget } from '../ports.ts';
import type { CertificateState, Intent, Issuance } from '../state.ts';

export interface CertificatePorts {
  acme: AcmePort;
  dns: DnsPort;
  relay: RelayPort;
}

export interface PhaseContext {
  state: CertificateState;
  ports: CertificatePorts;
  clock: Clock;
  /** Uniform in [0, 1). */
  random: () => number;
  /** Fresh id, `[a-z0-9-]{1,64}`. */
  newId: () => string;
  /** Identity of this object instance: tells its own intents from a predecessor's. */
  runner: string;
  /** Writes `state` down. Before an outside call it is the fence, after it the memory. */
  persist(): void;
  /** @param severity `info` unless somebody should look. */
  event(kind: string, message: string, severity?: EventSeverity): void;
  /** What this run may still ask outside, for what asks without a session. */
  budget: RequestBudget;
  /** The conversation with a CA, the issuance's own where none is named, opened on first use in this run. */
  session(authority?: string): Promise<AcmeSession>;
}

/** After a predecessor's deadline its call may still be on its way for this long, ms (DESIGN §3). */
const INTENT_GRACE_MS = 30_000;

/** The open issuance; phases only run when there is one. */
export function issuanceOf(context: PhaseContext): Issuance {
  const { issuance } = context.state;
  if (issuance === null) throw new PerennialError('internal_no_issuance', 'A phase ran without an issuance.');
  return issuance;
}

export function enterPhase(context: PhaseContext, name: Phase): void {
  const issuance = issuanceOf(context);
  const now = context.clock();
  const current = issuance.phases.at(-1);
  if (current !== undefined && current.endedAt === null) current.endedAt = now;
  issuance.phases.push({ name, startedAt: now, endedAt: null });
  issuance.phase = name;
  issuance.polls = 0;
  issuance.waitUntil = 0;
}

/**
 * Names an effectful call between objects, so that a repeat of it is recognised (DESIGN §3). It stays the same until the
 * phase is entered anew: publishing again after a clean-up is another operation.
 */
export function operationId(issuance: Issuance, call: string): string {
  return `${issuance.id}-${call}-${issuance.phases.length}`;
}

/** Clusters that take the certificate: their relays may be asked about DNS. */
export function clustersOf({ spec }: Issuance): string[] {
  return [...new Set(spec.deliveries.map((delivery) => delivery.cluster))];
}

export type IntentVerdict = 'clear' | 'resumed';

/**
 * Looks at an intent left behind. A predecessor's unexpired one makes the issuance wait until the call must be over;
 * an older one means: read the world before acting (`resumed`).
 */
export function inspectIntent(context: PhaseContext): IntentVerdict | 'wait' {
  const issuance = issuanceOf(context);
  const { intent } = issuance;
  if (intent === null) return 'clear';
  const over = intent.deadline + INTENT_GRACE_MS;
  if (intent.runner !== context.runner && over > context.clock()) {
    issuance.waitUntil = over;
    context.persist();
    return 'wait';
  }
  return 'resumed';
}

/** Persists an intent, runs the call, and clears the intent whatever came of it: a thrown error is an answer too. */
export async function withIntent<T>(context: PhaseContext, name: string, deadlineMs: number, call: () => Promise<T>): Promise<T> {
  const issuance = issuanceOf(context);
  const intent: Intent = { id: `${name}-${context.newId()}`, runner: context.runner, deadline: context.clock() + deadlineMs };
  issuance.intent = intent;
  context.persist();
  try {
    const value = await call();
    issuance.intent = null;
    return value;
  } catch (error) {
    // Whether the call took effect is unknown after a timeout: the next run reads before it acts.
    if (error instanceof PerennialError && !error.code.endsWith('_timeout')) issuance.intent = null;
    throw error;
  }
}
