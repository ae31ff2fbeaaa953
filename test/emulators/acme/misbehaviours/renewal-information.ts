/** Renewal information (RFC 9773) that is odd, or none. */
import { altered, instead, problem, withBody, withMembers, type Misbehaviour } from './misbehaviour.ts';

const HOUR_MS = 3_600_000;

function window(startMs: number, endMs: number): Record<string, unknown> {
  return { suggestedWindow: { start: new Date(Date.now() + startMs).toISOString(), end: new Date(Date.now() + endMs).toISOString() } };
}

export const WINDOW_IN_THE_PAST: Misbehaviour = altered('suggests a window in the past, with a page that explains it', ['renewalInfo'], (reply) =>
  withMembers(reply, (members) => ({ ...members, ...window(-2 * HOUR_MS, -HOUR_MS), explanationURL: 'https://ca.example/incident' })),
);

export const WINDOW_BACKWARDS: Misbehaviour = altered('suggests a window that ends before it starts', ['renewalInfo'], (reply) =>
  withMembers(reply, (members) => ({ ...members, ...window(20 * HOUR_MS, 10 * HOUR_MS) })),
);

export const NO_RETRY_AFTER: Misbehaviour = altered('gives renewal information without a Retry-After', ['renewalInfo'], async (reply) => {
  const bare = withBody(reply, await reply.text());
  bare.headers.delete('retry-after');
  return bare;
});

export const RENEWAL_INFO_FAILS: Misbehaviour = instead('fails whenever it is asked for renewal information', 'renewalInfo', () =>
  problem(500, 'serverInternal', 'Something went wrong'),
);
