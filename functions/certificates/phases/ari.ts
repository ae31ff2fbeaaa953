/**
 * Asks the CA for its suggested renewal window (RFC 9773). The selected time is drawn once per window and kept; an ARI
 * that fails never blocks a renewal, because the backstop in `renewal.ts` does not depend on it.
 */
import { DAY, HOUR, MINUTE } from '../../../shared/clock.ts';
import type { Ari } from '../state.ts';
import type { PhaseContext } from './context.ts';

const RETRY_AFTER_FAILURE_MS = 6 * HOUR;
/** Asked again this often when the CA has no ARI or the issuer is unknown: a CA may gain it. */
const NONE_MS = DAY;

export async function askRenewalInfo(context: PhaseContext): Promise<void> {
  const { state, clock, random } = context;
  const { ari, live, record } = state;
  if (ari === null || live === null) return;
  const authority = live.authority ?? record.spec.authorities[0];
  if (authority === undefined) return;
  const now = clock();
  const info = await context.ports.acme.renewalInfo(authority, ari.certId).catch(() => 'failed' as const);
  if (info === 'failed') state.ari = { ...ari, failures: ari.failures + 1, nextCheckAt: now + RETRY_AFTER_FAILURE_MS };
  else if (info === null) state.ari = { ...ari, nextCheckAt: now + NONE_MS };
  else state.ari = windowed(ari, info, now, random());
  if (state.ari.selectedAt !== null && state.ari.selectedAt !== ari.selectedAt) {
    context.event('ari', `The CA suggests renewal between ${new Date(state.ari.start ?? 0).toISOString()} and ${new Date(state.ari.end ?? 0).toISOString()}.`);
  }
  context.persist();
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

/** Keeps the selected time unless the window moved (RFC 9773 §4.2); Retry-After is clamped to 1 minute … 1 day. */
export function windowed(ari: Ari, info: Suggestion, now: number, dice: number): Ari {
  const same = ari.start === info.start && ari.end === info.end && ari.selectedAt !== null;
  return {
    certId: ari.certId,
    start: info.start,
    end: info.end,
    selectedAt: same ? ari.selectedAt : info.start + Math.floor((info.end - info.start) * dice),
    explanationUrl: info.explanationUrl,
    nextCheckAt: Math.min(Math.max(info.retryAt, now + MINUTE), now + DAY),
    failures: 0,
    alertedFor: ari.alertedFor,
  };
}
