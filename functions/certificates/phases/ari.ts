/**
 * Asks the CA that issued for its suggested renewal window (RFC 9773). The selected time is drawn once per window and kept;
 * an ARI that fails never blocks a renewal, because the backstop in `renewal.ts` does not depend on it.
 */
import { DAY, HOUR, MINUTE } from '../../../shared/clock.ts';
import { type PerennialError, toPerennialError } from '../../../shared/errors.ts';
import { moment } from '../../../shared/moment.ts';
import type { AcmePort, FailureClass } from '../ports.ts';
import type { Ari, CertificateState } from '../state.ts';
import type { PhaseContext } from './context.ts';

/** RFC 9773 §4.3.3: what is busy or away is asked again after a minute, twice as long each time, … */
const FIRST_RETRY_MS = MINUTE;
/** … up to this; and what answers nonsense is asked again after this. */
const LONG_RETRY_MS = 6 * HOUR;
/** Asked again this often when the CA has no ARI: it may gain it. */
const NONE_MS = DAY;
const TEMPORARY: readonly FailureClass[] = ['overload', 'relay', 'internal'];

export async function askRenewalInfo(context: PhaseContext): Promise<void> {
  const { state, clock, random } = context;
  const { ari } = state;
  if (ari === null) return;
  const authority = issuerOf(state, ari);
  if (authority === undefined) {
    state.ari = { ...ari, nextCheckAt: clock() + NONE_MS };
    context.persist();
    return;
  }
  try {
    const info = await context.ports.acme.renewalInfo(authority, ari.certId, context.budget);
    const now = clock();
    state.ari = info === null ? { ...ari, failures: 0, nextCheckAt: now + NONE_MS } : windowed(ari, info, now, random());
    tell(context, ari, state.ari);
  } catch (thrown) {
    state.ari = failed(ari, toPerennialError(thrown), { acme: context.ports.acme, now: clock(), random: random() });
  }
  context.persist();
}

/** The CA that issued. Who issued an adopted certificate is unknown: the configured CAs are asked in turn until one knows it. */
function issuerOf({ live, record }: CertificateState, ari: Ari): string | undefined {
  const { authorities } = record.spec;
  return live?.authority ?? authorities[ari.failures % authorities.length];
}

/** Of a certificate whose CA was not asked yet. */
export function unasked(certId: string, now: number): Ari {
  return { certId, start: null, end: null, selectedAt: null, explanationUrl: null, nextCheckAt: now, failures: 0, alertedFor: null };
}

interface Suggestion {
  start: number;
  end: number;
  explanationUrl: string | null;
  retryAt: number;
}

/**
 * Keeps the selected time unless the window moved (RFC 9773 §4.2); Retry-After is clamped to 1 minute … 1 day. A window that
 * came as past is an incident: `alertedFor` remembers it until a window lies ahead again, however often the CA moves it.
 * @param dice uniform in [0, 1).
 */
export function windowed(ari: Ari, info: Suggestion, now: number, dice: number): Ari {
  const same = ari.start === info.start && ari.end === info.end && ari.selectedAt !== null;
  const incident = info.end <= now && !same ? info.start : null;
  return {
    certId: ari.certId,
    start: info.start,
    end: info.end,
    selectedAt: same ? ari.selectedAt : selectTime(info, dice),
    explanationUrl: info.explanationUrl,
    nextCheckAt: Math.min(Math.max(info.retryAt, now + MINUTE), now + DAY),
    failures: 0,
    alertedFor: info.end > now ? null : (ari.alertedFor ?? incident),
  };
}

/** Even over the window but for a margin at its end, so that the order itself is placed inside, a slow first try included. */
function selectTime({ start, end }: Pick<Suggestion, 'start' | 'end'>, dice: number): number {
  const margin = Math.min(HOUR, (end - start) / 4);
  return start + Math.floor((end - start - margin) * dice);
}

/** RFC 9773 §4.3.3: temporary errors wait exponentially, all others long; the CA's own Retry-After is not undercut. */
function failed(ari: Ari, error: PerennialError, { acme, now, random }: { acme: Pick<AcmePort, 'classify'>; now: number; random: number }): Ari {
  // The run has sent what it may; the next one asks.
  if (error.code === 'acme_request_budget') return { ...ari, nextCheckAt: now };
  const wait = TEMPORARY.includes(acme.classify(error)) ? Math.min(LONG_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(ari.failures, 20)) : LONG_RETRY_MS;
  const asked = Math.min(error.retryAt ?? 0, now + DAY);
  return { ...ari, failures: ari.failures + 1, nextCheckAt: Math.max(asked, Math.round(now + wait * (1 + random / 4))) };
}

/** One event for a window that came as past, and one for an explanation that appears; both as text, never as a link. */
function tell(context: PhaseContext, before: Ari, { start, end, explanationUrl, alertedFor }: Ari): void {
  if (start === null || end === null) return;
  const window = `between ${moment(start)} and ${moment(end)}`;
  const explained = explanationUrl === null ? '' : ` It explains this at ${explanationUrl}.`;
  if (alertedFor !== null && before.alertedFor === null) {
    context.event('ari-incident', `The CA asks for an immediate replacement: it wants the renewal ${window}, which is over.${explained}`, 'critical');
    return;
  }
  if (explanationUrl !== null && explanationUrl !== before.explanationUrl) {
    context.event('ari-explained', `The CA has something to say about the renewal that it suggests ${window}.${explained}`, 'warning');
    return;
  }
  if (alertedFor === null && (start !== before.start || end !== before.end)) context.event('ari', `The CA suggests renewal ${window}.`);
}
