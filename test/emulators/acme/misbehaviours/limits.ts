/** Rate limits in Boulder's words (ratelimits/limiter.go), each for the scope that it names. */
import { instead, problem, type Misbehaviour } from './misbehaviour.ts';

const RETRY_AFTER_SECONDS = 3_600;
const EXPLAINED = ': see https://letsencrypt.org/docs/rate-limits/';
export const PORTAL = 'https://portal.letsencrypt.org/sfe/v1/unpause?jwt=eyJhbGciOiJIUzI1NiJ9.e30.c2ln';

function limited(name: string, words: (retryAt: string, subject: string) => string): Misbehaviour {
  return instead(name, 'newOrder', async ({ request }) => {
    const retryAt = new Date(Date.now() + RETRY_AFTER_SECONDS * 1_000).toISOString().replace('T', ' ').slice(0, 19);
    return problem(429, 'rateLimited', words(`${retryAt} UTC`, await subjectOf(request)), { 'retry-after': String(RETRY_AFTER_SECONDS) });
  });
}

/** The first name of the order, without a wildcard. */
async function subjectOf(request: Request): Promise<string> {
  const { payload } = (await request.clone().json()) as { payload: string };
  const { identifiers } = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) as { identifiers: { value: string }[] };
  return (identifiers[0]?.value ?? '').replace(/^\*\./, '');
}

export const ACCOUNT_LIMIT: Misbehaviour = limited(
  "limits the account's orders",
  (retryAt) => `too many new orders (300) from this account in the last 3h0m0s, retry after ${retryAt}${EXPLAINED}#new-orders-per-account`,
);

/** Of a domain below the zone, so that the others are left alone. */
export const DOMAIN_LIMIT: Misbehaviour = limited(
  'limits the certificates of a domain',
  (retryAt, subject) =>
    `too many certificates (50) already issued for "${subject}" in the last 168h0m0s, retry after ${retryAt}${EXPLAINED}#new-certificates-per-registered-domain`,
);

export const EXACT_SET_LIMIT: Misbehaviour = limited('limits the exact set of names', (retryAt, subject) =>
  `too many certificates (5) already issued for this exact set of identifiers in the last 168h0m0s, retry after ${retryAt}${EXPLAINED}#new-certificates-per-exact-set-of-identifiers (${subject})`.replace(
    / \(\S+\)$/,
    '',
  ),
);

export const FAILED_VALIDATIONS_LIMIT: Misbehaviour = limited(
  'limits failed validations',
  (retryAt, subject) =>
    `too many failed authorizations (5) for "${subject}" in the last 1h0m0s, retry after ${retryAt}${EXPLAINED}#authorization-failures-per-identifier-per-account`,
);

export const PAUSED: Misbehaviour = instead('has paused the names and links its portal', 'newOrder', () =>
  problem(
    429,
    'rateLimited',
    `Your account is temporarily prevented from requesting certificates for the following identifiers (and possibly others). Please visit: ${PORTAL}. Issuance is paused.`,
  ),
);
