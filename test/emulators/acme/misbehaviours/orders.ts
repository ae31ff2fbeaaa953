/** Orders that go astray between newOrder and the certificate. */
import { altered, instead, payloadOf, problem, withMembers, type Misbehaviour } from './misbehaviour.ts';

export const STUCK_PROCESSING: Misbehaviour = altered(
  'leaves the order in processing for a while',
  ['finalize', 'order'],
  async (reply) => {
    const { status } = (await reply.clone().json()) as { status: string };
    return status === 'valid' ? withMembers(reply, ({ certificate: _certificate, ...members }) => ({ ...members, status: 'processing' })) : undefined;
  },
  { times: 4 },
);

export const FINALIZE_REPLY_LOST: Misbehaviour = altered('loses the reply to finalize after its effect', ['finalize'], () => 'lost', { times: 1 });

export const CERTIFICATE_NOT_FOUND: Misbehaviour = instead(
  'has no certificate at its URL yet',
  'certificate',
  () => problem(404, 'malformed', 'Certificate not found'),
  { times: 2 },
);

export const ORDER_NOT_READY: Misbehaviour = instead(
  'says at finalize that the order is not ready, though it is',
  'finalize',
  () => problem(403, 'orderNotReady', `Order's status ("pending") is not acceptable for finalization`),
  { times: 1 },
);

export const BAD_CSR: Misbehaviour = instead('refuses the certificate request', 'finalize', () =>
  problem(400, 'badCSR', 'Error parsing certificate request: public key is on the list of weak keys'),
);

/** The first order that is asked about turns invalid; a new one is good. */
export const ORDER_INVALID: Misbehaviour = instead('lets the order become invalid in the middle', 'order', ({ request }, { records }) => {
  const order = records.orders.get(new URL(request.url).pathname.split('/')[2] ?? '');
  if (order !== undefined)
    order.error = { type: 'urn:ietf:params:acme:error:unauthorized', detail: 'The account lost its authorization for this name', status: 403 };
  // Once it is set, the CA itself says so.
  return undefined;
});

export const ACCOUNT_UNKNOWN: Misbehaviour = instead(
  'has forgotten the account for a moment',
  'newOrder',
  () => problem(400, 'accountDoesNotExist', 'No account exists with the provided key'),
  { times: 1 },
);

/** Refusals that are about `replaces`, and about nothing when the order comes without it (RFC 9773 §5). */
function refusesReplacement(name: string, refusal: () => Response): Misbehaviour {
  return instead(name, 'newOrder', async ({ request }) => ((await payloadOf(request)).includes('"replaces"') ? refusal() : undefined));
}

export const ALREADY_REPLACED: Misbehaviour = refusesReplacement('says that the certificate was replaced already', () =>
  problem(409, 'alreadyReplaced', 'cannot indicate an order replaces a certificate which has already been replaced by another order'),
);
export const REPLACES_FORBIDDEN: Misbehaviour = refusesReplacement('says that the certificate to replace is not ours', () =>
  problem(403, 'unauthorized', 'requester account did not request the certificate being replaced by this order'),
);
export const REPLACES_UNKNOWN: Misbehaviour = refusesReplacement('does not know the certificate to replace', () =>
  problem(404, 'malformed', 'order includes an ARI "replaces" field for an unknown certificate'),
);
export const REPLACES_MALFORMED: Misbehaviour = refusesReplacement('finds the certificate to replace malformed', () =>
  problem(400, 'malformed', 'While parsing ARI CertID an error occurred: invalid "replaces" field'),
);
