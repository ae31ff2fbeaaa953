/** Every answer of a CA belongs to exactly one failure class, with a code, words and advice fit for people. */
import { assert as check, asyncProperty, constantFrom, integer, oneof, property, record, string, uint8Array } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { classify } from '../../../functions/acme/failure-classes.ts';
import { MAX_REPLY_BYTES } from '../../../functions/acme/exchange.ts';
import { ACME_OPERATIONS, type AcmeOperation } from '../../../functions/acme/meanings.ts';
import { AcmeProblem, problemSchema } from '../../../functions/acme/problem.ts';
import { Transport } from '../../../functions/acme/transport.ts';
import type { FailureClass } from '../../../functions/certificates/ports.ts';
import { DAY, HOUR, MINUTE } from '../../../shared/clock.ts';
import { PerennialError } from '../../../shared/errors.ts';
import { order, ORIGIN, problem } from './scripted-ca.ts';
import { failureOf, NAMES, NOW, scriptedWorld } from './world.ts';

const ACME_CLASSES: readonly FailureClass[] = ['protocol', 'overload', 'limit', 'paused', 'state', 'replaces', 'validation', 'account', 'permanent'];

/** What a reply becomes on its way through the transport. */
async function thrownFor(operation: AcmeOperation, reply: () => Response): Promise<unknown> {
  const deps = { clock: () => NOW, fetch: () => Promise.resolve(reply()), relayEgress: () => Promise.reject(new Error('unused')) };
  const transport = new Transport(deps, `${ORIGIN}/directory`, [{ kind: 'direct' }]);
  return failureOf(transport.send(operation, { method: 'POST', url: `${ORIGIN}/x`, headers: {}, body: '{}' }));
}

const document = (type: string, detail = 'words of the CA', more: object = {}) => ({ type: `urn:ietf:params:acme:error:${type}`, detail, ...more });
const refusal = (status: number, body: unknown, operation: AcmeOperation = 'order') => new AcmeProblem(status, problemSchema.parse(body), operation, null);

/** The table of types whose class does not depend on where they are met. */
const ALWAYS: readonly (readonly [string, number, FailureClass, string])[] = [
  ['badNonce', 400, 'protocol', 'acme_bad_nonce'],
  ['serverInternal', 500, 'overload', 'acme_server_internal'],
  ['rateLimited', 429, 'limit', 'acme_rate_limited'],
  ['rateLimited', 503, 'overload', 'acme_overloaded'],
  ['orderNotReady', 403, 'state', 'acme_order_not_ready'],
  ['alreadyReplaced', 409, 'replaces', 'acme_already_replaced'],
  ['conflict', 409, 'replaces', 'acme_already_replaced'],
  ['dns', 400, 'validation', 'acme_validation_dns'],
  ['connection', 400, 'validation', 'acme_validation_connection'],
  ['incorrectResponse', 403, 'validation', 'acme_validation_incorrect_response'],
  ['tls', 400, 'validation', 'acme_validation_tls'],
  ['caa', 403, 'validation', 'acme_validation_caa'],
  ['accountDoesNotExist', 400, 'account', 'acme_account_does_not_exist'],
  ['externalAccountRequired', 403, 'account', 'acme_account_external_account_required'],
  ['userActionRequired', 403, 'account', 'acme_account_user_action_required'],
  ['invalidContact', 400, 'account', 'acme_account_invalid_contact'],
  ['unsupportedContact', 400, 'account', 'acme_account_unsupported_contact'],
  ['badSignatureAlgorithm', 400, 'account', 'acme_account_bad_signature_algorithm'],
  ['badPublicKey', 400, 'account', 'acme_account_bad_public_key'],
  ['malformed', 400, 'permanent', 'acme_malformed'],
  ['badCSR', 400, 'permanent', 'acme_bad_csr'],
  ['unsupportedIdentifier', 400, 'permanent', 'acme_unsupported_identifier'],
  ['rejectedIdentifier', 400, 'permanent', 'acme_rejected_identifier'],
  ['invalidProfile', 400, 'permanent', 'acme_invalid_profile'],
  ['badRevocationReason', 400, 'permanent', 'acme_bad_revocation_reason'],
  ['alreadyRevoked', 400, 'permanent', 'acme_already_revoked'],
];

describe('a problem type', () => {
  it.each(ALWAYS)('%s with HTTP %i is %s wherever it is met', (type, status, failureClass, code) => {
    for (const operation of ACME_OPERATIONS) {
      const error = refusal(status, document(type), operation);
      expect([error.code, classify(error)], operation).toEqual([code, failureClass]);
      // Its class survives as plain data.
      expect(classify(PerennialError.fromData(error.toData()))).toBe(failureClass);
    }
  });

  it.each<[AcmeOperation, FailureClass, string]>([
    ['directory', 'account', 'acme_account_unauthorized'],
    ['nonce', 'account', 'acme_account_unauthorized'],
    ['account', 'account', 'acme_account_unauthorized'],
    ['new-order', 'account', 'acme_account_unauthorized'],
    ['key-change', 'account', 'acme_account_unauthorized'],
    ['renewal-info', 'account', 'acme_account_unauthorized'],
    ['order', 'state', 'acme_order_unauthorized'],
    ['authorization', 'state', 'acme_order_unauthorized'],
    ['challenge', 'state', 'acme_order_unauthorized'],
    ['finalize', 'state', 'acme_order_unauthorized'],
    ['certificate', 'state', 'acme_order_unauthorized'],
    ['revocation', 'permanent', 'acme_revocation_unauthorized'],
  ])('unauthorized at %s is %s', (operation, failureClass, code) => {
    const error = refusal(403, document('unauthorized'), operation);
    expect([error.code, classify(error)]).toEqual([code, failureClass]);
    expect(classify(refusal(403, document('unauthorized', 'Account is not valid, has status "deactivated"'), operation))).toBe('account');
  });

  it.each([
    [400, 'malformed', 'parsing ARI CertID failed'],
    [403, 'unauthorized', 'requester account did not request the certificate being replaced by this order'],
    [404, 'malformed', 'could not find an order for the given certificate: replaces unknown'],
    [409, 'somethingNew', 'cannot indicate an order replaces certificate'],
  ])('HTTP %i %s that names the replacement is about the replacement, for a new order only', (status, type, detail) => {
    expect(classify(refusal(status, document(type, detail), 'new-order'))).toBe('replaces');
    expect(classify(refusal(status, document(type, detail), 'finalize'))).not.toBe('replaces');
  });

  it.each(['malformed', 'unauthorized'])('%s about the signature is about the account key', (type) => {
    for (const operation of ACME_OPERATIONS)
      expect(refusal(400, document(type, 'JWS verification error'), operation).code, operation).toBe('acme_account_signature_refused');
  });

  it('of a foreign namespace or of the future goes by its status', () => {
    for (const type of ['about:blank', 'https://ca.example/errors/odd', 'urn:ietf:params:acme:error:neverHeardOf', 'urn:ietf:params:acme:error:toString']) {
      const classes = [400, 401, 403, 404, 408, 409, 418, 429, 500, 502, 503].map((status) => classify(refusal(status, { type, detail: 'no' })));
      const missing = type.startsWith('urn:ietf') ? 'permanent' : 'state';
      expect(classes, type).toEqual([
        'permanent',
        'permanent',
        'permanent',
        missing,
        'overload',
        'permanent',
        'permanent',
        'limit',
        'overload',
        'overload',
        'overload',
      ]);
    }
  });
});

describe('HTTP 404', () => {
  it.each<[AcmeOperation, string, FailureClass]>([
    ['directory', 'acme_directory_not_found', 'overload'],
    ['nonce', 'acme_directory_moved', 'protocol'],
    ['account', 'acme_directory_moved', 'protocol'],
    ['new-order', 'acme_directory_moved', 'protocol'],
    ['key-change', 'acme_directory_moved', 'protocol'],
    ['order', 'acme_not_found', 'state'],
    ['authorization', 'acme_not_found', 'state'],
    ['challenge', 'acme_not_found', 'state'],
    ['finalize', 'acme_not_found', 'state'],
    ['certificate', 'acme_not_found', 'state'],
    ['revocation', 'acme_not_found', 'state'],
    ['renewal-info', 'acme_not_found', 'state'],
  ])('at %s is %s', async (operation, code, failureClass) => {
    for (const body of ['', '<html>', JSON.stringify(document('malformed', 'gone'))]) {
      const type = body.startsWith('{') ? 'application/problem+json' : 'text/html';
      const error = await thrownFor(operation, () => new Response(body, { status: 404, headers: { 'content-type': type } }));
      expect(error).toMatchObject({ code });
      expect(classify(error)).toBe(failureClass);
    }
  });

  it('of a moved newOrder has the directory read afresh', async () => {
    const { ca, port } = scriptedWorld();
    const session = await port.open('ca', null);
    ca.directory['newOrder'] = `${ORIGIN}/moved`;
    ca.script('/new-order', problem(404, 'malformed', 'Page not found'));
    ca.script('/moved', () => Response.json(order(), { status: 201, headers: { location: '/orders/1' } }));
    expect(await failureOf(session.newOrder({ names: NAMES, profile: null, replaces: null }))).toMatchObject({ code: 'acme_directory_moved', retryable: true });
    await (await port.open('ca', null)).newOrder({ names: NAMES, profile: null, replaces: null });
    expect([ca.count('/directory'), ca.count('/moved')]).toEqual([2, 1]);
  });
});

describe('what is no problem document', () => {
  it.each<[string, number, string, string, string, FailureClass]>([
    ['a busy page', 503, 'text/html', '<html>Service busy</html>', 'acme_overloaded', 'overload'],
    ['a gateway', 502, 'text/html', '<html>Bad gateway</html>', 'acme_overloaded', 'overload'],
    ['a load balancer at its limit', 429, 'text/html', '<html>slow down</html>', 'acme_rate_limited', 'limit'],
    ['the network', 525, 'text/plain', 'error code: 525', 'acme_unreachable', 'overload'],
    ['the network', 520, 'text/html', '<html>', 'acme_unreachable', 'overload'],
    ['the network', 530, 'text/plain', 'error code: 1016', 'acme_unreachable', 'overload'],
    ['a firewall', 403, 'text/html', '<html>Just a moment…</html>', 'acme_blocked', 'overload'],
    ['a proxy', 407, 'text/plain', 'who are you', 'acme_blocked', 'overload'],
    ['a timeout in front of it', 408, 'text/html', '', 'acme_overloaded', 'overload'],
    ['a truncated problem', 500, 'application/problem+json', '{"type":"urn:ietf:par', 'acme_overloaded', 'overload'],
    ['a list', 400, 'application/json', '[]', 'acme_blocked', 'overload'],
    ['a redirect', 301, 'text/html', '', 'acme_redirected', 'protocol'],
    ['a redirect', 307, 'application/json', '{}', 'acme_redirected', 'protocol'],
    ['too much', 400, 'application/problem+json', 'x'.repeat(MAX_REPLY_BYTES + 1), 'acme_reply_too_large', 'protocol'],
  ])('from %s (HTTP %i, %s) is typed, whatever was asked', async (_who, status, type, body, code, failureClass) => {
    for (const operation of ACME_OPERATIONS) {
      const error = await thrownFor(operation, () => new Response(body, { status, headers: { 'content-type': type, location: 'https://elsewhere.example/' } }));
      expect(error, operation).toMatchObject({ code });
      expect(classify(error)).toBe(failureClass);
      expect(String(error)).not.toContain('<html');
    }
  });
});

describe('a compound problem', () => {
  const part = (type: string, name: string, detail: string) => ({ ...document(type, detail), identifier: { type: 'dns', value: name } });

  it('names what offends, and nothing else', () => {
    const error = refusal(
      403,
      document('compound', 'Errors for www.example.net, mail.example.net and good.example.net', {
        subproblems: [part('caa', 'www.example.net', 'CAA forbids'), part('rejectedIdentifier', 'mail.example.net', 'policy forbids')],
      }),
      'new-order',
    );
    expect(error.message).toBe('The CA refused: www.example.net: CAA forbids; mail.example.net: policy forbids');
    expect(error.message).not.toContain('good.example.net');
    expect(error.details).toMatchObject({ identifiers: 'www.example.net mail.example.net' });
  });

  it.each<[string[], FailureClass]>([
    [['dns', 'caa'], 'validation'],
    [['dns', 'rejectedIdentifier'], 'permanent'],
    [['unauthorized', 'connection'], 'validation'],
    [['rateLimited', 'dns'], 'validation'],
    [['serverInternal', 'rateLimited'], 'limit'],
    [['userActionRequired', 'rejectedIdentifier'], 'account'],
    [['neverHeardOf', 'dns'], 'validation'],
    [['neverHeardOf'], 'permanent'],
    [[], 'permanent'],
  ])('of %j has the class that time heals least: %s', (types, failureClass) => {
    const subproblems = types.map((type, index) => part(type, `host-${index}.example.net`, 'no'));
    expect(classify(refusal(400, document('compound', 'Errors', { subproblems })))).toBe(failureClass);
  });

  it('keeps the sound parts beside odd ones, and says how many more there are', () => {
    const odd = refusal(400, document('compound', 'Errors', { subproblems: ['nonsense', null, part('dns', 'example.net', 'SERVFAIL')] }));
    expect(classify(odd)).toBe('validation');
    const many = Array.from({ length: 9 }, (_each, index) => part('caa', `host-${index}.example.net`, 'no'));
    expect(refusal(400, document('compound', 'Errors', { subproblems: many })).message).toMatch(/host-4\.example\.net: no; and 4 more$/);
  });

  it('adds its parts to the words of any other type', () => {
    const error = refusal(400, document('rejectedIdentifier', 'Cannot issue', { subproblems: [part('rejectedIdentifier', 'a.example', 'blocked')] }));
    expect(error.message).toBe('The CA refused: Cannot issue (a.example: blocked)');
    expect(error.hint).toContain('use another CA');
  });
});

describe('a pause', () => {
  const boulder = (url: string) =>
    `Your account is temporarily prevented from requesting certificates for example.net and possibly others. Please visit: ${url}`;

  it('is known by the words of the CA, and shows its page as text', () => {
    const url = 'https://portal.example.org/sfe/v1/unpause?jwt=eyJhbGciOi.J9.abc-_';
    const error = refusal(429, document('rateLimited', boulder(url)), 'new-order');
    expect([error.code, classify(error), error.retryable]).toEqual(['acme_paused', 'paused', false]);
    expect(error.hint).toContain(`(copy it): ${url} and renew by hand`);
  });

  it.each([
    'http://portal.example.org/',
    'javascript:alert(1)',
    'https://user:pass@portal.example.org/',
    `https://portal.example.org/${'x'.repeat(900)}`,
    'nowhere',
  ])('names no page that is %s', (url) => {
    const error = refusal(429, document('rateLimited', boulder(url)), 'new-order');
    expect(error.code).toBe('acme_paused');
    expect(error.hint).toContain('on the page that the CA names');
    expect(error.hint).not.toMatch(/:\/\/|javascript/);
  });
});

describe('Retry-After', () => {
  it.each<[string, string, number | undefined]>([
    ['seconds', '120', NOW + 2 * MINUTE],
    ['a date', 'Wed, 01 Jan 2031 03:00:00 GMT', NOW + 3 * HOUR],
    ['a date that is over', 'Tue, 31 Dec 2030 00:00:00 GMT', NOW],
    ['huge', '9999999999', NOW + 8 * DAY],
    ['beyond numbers', '9'.repeat(60), undefined],
    ['negative', '-5', undefined],
    ['nonsense', 'soon', undefined],
    ['a fraction', '1.5', undefined],
    ['empty', '', undefined],
  ])('as %s', async (_what, header, retryAt) => {
    const reply = () => problem(503, 'serverInternal', 'busy', { 'retry-after': header });
    expect(await thrownFor('order', reply)).toMatchObject({ code: 'acme_server_internal', retryAt });
  });
});

describe('a URL that the CA names on another origin', () => {
  const foreign = 'https://elsewhere.example.org/x';
  const wanted = { names: NAMES, profile: null, replaces: null };

  it.each(['newNonce', 'newAccount', 'newOrder'])('as %s of its directory is never asked', async (member) => {
    const { ca, port } = scriptedWorld();
    ca.directory[member] = foreign;
    const failure = await failureOf(port.open('ca', null).then((session) => session.newOrder(wanted)));
    expect(failure).toMatchObject({ code: 'acme_foreign_url' });
    expect(port.classify(failure)).toBe('protocol');
  });

  it('as an order, its finalize, its certificate, an alternate chain, a revocation or renewal information is never asked', async () => {
    const { ca, port } = scriptedWorld();
    ca.directory['revokeCert'] = foreign;
    ca.directory['renewalInfo'] = foreign;
    const session = await port.open('ca', null);
    ca.script('/new-order', Response.json(order(), { status: 201, headers: { location: foreign } }));
    const placed = await session.newOrder(wanted);
    const valid = { ...placed, status: 'valid' as const, url: `${ORIGIN}/orders/1`, finalize: foreign, certificate: foreign };
    const failures = [
      await failureOf(session.order(placed.url)),
      await failureOf(session.finalize(valid, 'csr')),
      await failureOf(session.download(valid, null)),
      await failureOf(session.deactivate(foreign)),
      await failureOf(session.revoke('', 1, () => Promise.resolve('{"protected":"a","payload":"b","signature":"c"}'))),
      await failureOf(port.renewalInfo('ca', 'a.b')),
    ];
    for (const failure of failures) expect(failure).toMatchObject({ code: 'acme_foreign_url' });
  });
});

describe('any answer at all', () => {
  const SECRETS = /PRIVATE KEY|eyJhbGciOi/;

  it('becomes one typed failure of one class, in one clean line', async () => {
    const types = constantFrom('application/json', 'application/problem+json', 'text/html', 'text/plain; charset=utf-8', 'application/jose+json', 'x');
    const bytes = oneof(
      uint8Array({ maxLength: 300 }),
      string({ unit: 'binary', maxLength: 200 }).map((text) => new TextEncoder().encode(text)),
      record({
        type: oneof(
          constantFrom(...ALWAYS.map(([type]) => `urn:ietf:params:acme:error:${type}`), 'urn:ietf:params:acme:error:compound'),
          string({ unit: 'binary' }),
        ),
        detail: string({ unit: 'binary', maxLength: 3_000 }),
        subproblems: constantFrom<unknown>([], [{ type: 'urn:ietf:params:acme:error:dns', detail: 'x\u0007y', identifier: { value: 'a\nb' } }], 7, [null]),
      }).map((body) => new TextEncoder().encode(JSON.stringify(body))),
    );
    await check(
      asyncProperty(
        constantFrom(...ACME_OPERATIONS),
        oneof(integer({ min: 300, max: 599 }), constantFrom(400, 403, 404, 409, 429, 500, 503, 525)),
        types,
        bytes,
        oneof(constantFrom('1', 'x', '-1'), string({ unit: 'grapheme-ascii', maxLength: 30 })),
        async (operation, status, type, body, retryAfter) => {
          const nullBody = status === 304;
          const error = await thrownFor(
            operation,
            () => new Response(nullBody ? null : new Uint8Array(body), { status, headers: { 'content-type': type, 'retry-after': retryAfter } }),
          );
          expect(error).toBeInstanceOf(PerennialError);
          if (!(error instanceof PerennialError)) return;
          expect(error.code).toMatch(/^acme_[a-z_]+$/);
          expect(ACME_CLASSES).toContain(classify(error));
          expect(classify(PerennialError.fromData(error.toData()))).toBe(classify(error));
          for (const text of [error.message, error.hint ?? '']) {
            expect(text).not.toMatch(/[\p{Cc}\p{Cf}]/u);
            expect(text).not.toMatch(SECRETS);
          }
          expect(error.toData().message.length).toBeLessThanOrEqual(2_000);
          expect((error.hint ?? '').length).toBeLessThanOrEqual(1_000);
        },
      ),
      { numRuns: 1_500 },
    );
  });

  it('has a class that depends on its code alone', () => {
    check(
      property(
        constantFrom(...ACME_OPERATIONS),
        integer({ min: 400, max: 599 }),
        constantFrom(...ALWAYS.map(([type]) => type), 'unauthorized', 'odd'),
        (operation, status, type) => {
          const error = refusal(status, document(type), operation);
          expect(classify(new PerennialError(error.code, 'other words'))).toBe(classify(error));
        },
      ),
    );
  });
});
