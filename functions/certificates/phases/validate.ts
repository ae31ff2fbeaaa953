/** Answers the challenges once and polls the order (RFC 8555 §7.5.1, §7.1.6), honouring Retry-After. */
import { MINUTE, SECOND } from '../../../shared/clock.ts';
import { PerennialError } from '../../../shared/errors.ts';
import type { AcmeOrder, AcmeProblemData, AcmeSession } from '../ports.ts';
import type { Issuance } from '../state.ts';
import { enterPhase, inspectIntent, issuanceOf, type PhaseContext, withIntent } from './context.ts';

/** A CA that is quick is asked twice within a moment; one that takes its time, every few seconds; one that is stuck, every 15 minutes. */
const POLL_DELAYS = [
  80,
  250,
  SECOND,
  2 * SECOND,
  3 * SECOND,
  5 * SECOND,
  10 * SECOND,
  10 * SECOND,
  10 * SECOND,
  20 * SECOND,
  30 * SECOND,
  MINUTE,
  MINUTE,
  2 * MINUTE,
  5 * MINUTE,
  15 * MINUTE,
] as const;
/** Every so many polls the challenges themselves are looked at: what the CA was not told, it never looks at. */
const POLLS_UNTIL_DOUBT = 8;
const ANSWER_DEADLINE_MS = 30_000;
/** Challenges answered in one step: what one run sends to the outside is bounded (DESIGN §13). */
const ANSWERS_PER_STEP = 10;

/** Unix ms of the next poll: our own pace, or what the CA asked for if that is later. */
export function nextPoll(now: number, polls: number, retryAt: number | null): number {
  return Math.max(now + (POLL_DELAYS[Math.min(polls, POLL_DELAYS.length - 1)] ?? 15 * MINUTE), retryAt ?? 0);
}

export async function validate(context: PhaseContext): Promise<void> {
  const issuance = issuanceOf(context);
  const session = await context.session();
  if (issuance.polls === 0) {
    const intent = inspectIntent(context);
    if (intent === 'wait') return;
    const next = issuance.challenges.slice(issuance.answered, issuance.answered + ANSWERS_PER_STEP);
    const open = intent === 'resumed' || issuance.failure !== null ? await stillOpen(session, issuance, next) : next.map(({ url }) => url);
    await withIntent(context, 'answer', ANSWER_DEADLINE_MS, async () => {
      for (const url of open) await session.answer(url);
    });
    issuance.answered += next.length;
    if (issuance.answered < issuance.challenges.length) {
      context.persist();
      return;
    }
    issuance.polls = 1;
    issuance.nonce = session.nonce();
    issuance.waitUntil = nextPoll(context.clock(), 0, null);
    context.persist();
    return;
  }
  const order = await session.order(urlOf(issuance));
  issuance.order = order;
  issuance.nonce = session.nonce();
  switch (order.status) {
    case 'ready':
      enterPhase(context, 'finalize');
      break;
    case 'processing':
    case 'valid':
      enterPhase(context, 'download');
      break;
    case 'invalid':
      context.persist();
      throw await explainInvalid(session, order);
    case 'pending':
      if (issuance.polls % POLLS_UNTIL_DOUBT === 0) await answerAgain(context, session, issuance);
      issuance.waitUntil = nextPoll(context.clock(), issuance.polls, order.retryAt);
      issuance.polls += 1;
  }
  context.persist();
}

/** An answer may have got lost although a reply came: a proxy in between can say anything. In turn, a few each time. */
async function answerAgain(context: PhaseContext, session: AcmeSession, issuance: Issuance): Promise<void> {
  const { challenges, polls } = issuance;
  const slices = Math.ceil(challenges.length / ANSWERS_PER_STEP);
  const from = slices === 0 ? 0 : (Math.floor(polls / POLLS_UNTIL_DOUBT) % slices) * ANSWERS_PER_STEP;
  const open = await stillOpen(session, issuance, challenges.slice(from, from + ANSWERS_PER_STEP));
  if (open.length === 0) return;
  context.event('answered-again', `The CA had not been told about ${open.length} of the challenges; it was told again.`);
  for (const url of open) await session.answer(url);
}

/** After an interrupted run or a lost reply: which challenges has the CA not been told about yet? */
async function stillOpen(session: AcmeSession, issuance: Issuance, asked: Issuance['challenges']): Promise<string[]> {
  const wanted = new Set(asked.map(({ authorization }) => authorization));
  const authorizations = await session.authorizations((issuance.order?.authorizations ?? []).filter((url) => wanted.has(url)));
  return authorizations.flatMap(({ status, dns01 }) => (status === 'pending' && dns01?.status === 'pending' ? [dns01.url] : []));
}

/** The CA's own words about what failed, per name. The next attempt needs a new order. */
export async function explainInvalid(session: AcmeSession, order: AcmeOrder): Promise<PerennialError> {
  // Reasons beyond the first few names help nobody, and asking for them is not free.
  const authorizations = await session.authorizations(order.authorizations.slice(0, ANSWERS_PER_STEP));
  const problems = authorizations.flatMap((authorization) =>
    authorization.dns01?.error ? [`${authorization.identifier}: ${words(authorization.dns01.error)}`] : [],
  );
  const text = problems.length > 0 ? problems.join(' | ') : order.error === null ? 'it gave no reason' : words(order.error);
  return new PerennialError('acme_validation_failed', `The CA refused the order: ${text}`.slice(0, 1_900), {
    retryable: true,
    hint: 'Check that the records named here can be seen from outside; a new order follows by itself.',
  });
}

function words(problem: AcmeProblemData): string {
  return `${problem.detail} (${problem.type.replace('urn:ietf:params:acme:error:', '')})`;
}

export function urlOf(issuance: Issuance): string {
  if (issuance.order === null) throw new PerennialError('internal_no_order', 'A phase that needs an order ran without one.');
  return issuance.order.url;
}
