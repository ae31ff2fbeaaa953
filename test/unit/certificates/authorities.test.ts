import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fallback, type FallbackInput, patience, whyNotTheFirst } from '../../../functions/certificates/authorities.ts';
import { retryTime } from '../../../functions/certificates/backoff.ts';
import type { FailureClass } from '../../../functions/certificates/ports.ts';
import { DAY, HOUR, MINUTE } from '../../../shared/clock.ts';
import { NOW, order } from './states.ts';

const CAS = ['letsencrypt', 'google', 'zerossl'];
const left = (...names: string[]) =>
  names.map((authority) => ({ authority, at: NOW, class: 'overload' as const, code: 'acme_overloaded', message: `${authority} is busy.` }));

function input(
  failure: Partial<FallbackInput['failure']> = {},
  change: Partial<FallbackInput['issuance']> = {},
  more: Partial<FallbackInput> = {},
): FallbackInput {
  return {
    issuance: { authority: 'letsencrypt', left: [], order: null, phase: 'order', refusedChains: undefined, spec: { authorities: CAS }, ...change },
    failure: { class: 'overload', code: 'acme_overloaded', count: 3, retryAt: undefined, ...failure },
    life: { left: 30 * DAY, whole: 90 * DAY },
    now: NOW,
    ...more,
  };
}

describe('the next CA is asked', () => {
  it.each<[string, Partial<FallbackInput['failure']>, Partial<FallbackInput['issuance']>]>([
    ['after three failures that time alone mends', { count: 3 }, {}],
    ['after replies that cannot be read, three times', { class: 'protocol', code: 'acme_reply_malformed' }, {}],
    ['when the limit ends too late', { class: 'limit', code: 'acme_rate_limited', count: 1, retryAt: NOW + 3 * DAY }, {}],
    ['when our own ledger says so', { class: 'limit', code: 'acme_limit_predicted', count: 1, retryAt: NOW + 3 * DAY }, {}],
    ['at once when the account is stopped', { class: 'account', code: 'acme_account_unauthorized', count: 1 }, {}],
    ['at once when the CA has paused the names', { class: 'paused', code: 'acme_paused', count: 1 }, {}],
    ['at once when the CA does not issue for the name', { class: 'permanent', code: 'acme_rejected_identifier', count: 1 }, {}],
    ['after two orders whose chain was good for nothing', { class: 'protocol', code: 'chain_key_mismatch', count: 2 }, { refusedChains: 2 }],
    ['while an order waits for its challenges', {}, { order, phase: 'validate' }],
    ['when the order that it may have finalized has expired', {}, { order: { ...order, expires: NOW }, phase: 'download' }],
  ])('%s', (_what, failure, issuance) => {
    expect(fallback(input(failure, issuance))).toEqual({ do: 'switch', authority: 'google' });
  });

  it.each<[string, Partial<FallbackInput['failure']>, Partial<FallbackInput['issuance']>]>([
    ['at the first and the second blip', { count: 2 }, {}],
    ['when the limit ends soon', { class: 'limit', code: 'acme_rate_limited', count: 1, retryAt: NOW + HOUR }, {}],
    ['for a request that is wrong', { class: 'permanent', code: 'acme_malformed' }, {}],
    ['for a profile that the first CA does not know', { class: 'permanent', code: 'acme_profile_unknown' }, {}],
    ['for a validation that failed', { class: 'validation', code: 'acme_validation_failed', count: 9 }, {}],
    ['for a state that is read anew', { class: 'state', code: 'acme_not_found', count: 9 }, {}],
    ['for what our own budget does not allow', { class: 'protocol', code: 'acme_request_budget', count: 9 }, {}],
    ['for the secret store', { class: 'account', code: 'secret_missing', count: 9 }, {}],
    ['for CAA of the first CA', { class: 'dns', code: 'dns_caa_forbids', count: 9 }, {}],
    ['after one order whose chain was good for nothing', { class: 'protocol', code: 'chain_key_mismatch', count: 9 }, { refusedChains: 1 }],
    ['while an order that may be finalized lives', { count: 9 }, { order, phase: 'finalize' }],
  ])('not %s', (_what, failure, issuance) => {
    expect(fallback(input(failure, issuance))).toEqual({ do: 'stay' });
  });

  it('never for DNS, the relay, Nomad, the proxy, validations or ourselves, whatever else is the case', () => {
    const ours = fc.constantFrom<FailureClass>('dns', 'relay', 'nomad', 'traefik', 'validation', 'internal', 'replaces', 'state');
    fc.assert(
      fc.property(ours, fc.constantFrom('dns_unreachable', 'relay_offline', 'acme_validation_dns', 'internal'), fc.nat(99), (kind, code, count) => {
        expect(fallback(input({ class: kind, code, count }))).toEqual({ do: 'stay' });
      }),
    );
  });

  it('not where there is none', () => {
    expect(fallback(input({ count: 9 }, { spec: { authorities: ['letsencrypt'] } }))).toEqual({ do: 'stay' });
  });

  it('even from an order that may be finalized, once the certificate that is served is about to end', () => {
    expect(fallback(input({ count: 3 }, { order, phase: 'finalize' }, { life: { left: 4 * DAY, whole: 90 * DAY } }))).toMatchObject({ do: 'switch' });
    expect(fallback(input({ count: 3 }, { order, phase: 'finalize' }, { life: null }))).toEqual({ do: 'stay' });
  });
});

describe('a CA come to by falling back', () => {
  it('is passed over when CAA forbids it or pins an account there that we do not have', () => {
    for (const code of ['dns_caa_forbids', 'dns_caa_account_pinned'])
      expect(fallback(input({ class: 'dns', code, count: 1 }, { authority: 'google', left: left('letsencrypt') }))).toEqual({
        do: 'switch',
        authority: 'zerossl',
      });
  });

  it('gets no second chance in the rounds after the first', () => {
    const later = { authority: 'google', left: left('letsencrypt', 'google', 'zerossl', 'letsencrypt') };
    expect(fallback(input({ count: 1 }, later))).toEqual({ do: 'switch', authority: 'zerossl' });
  });

  it('leads back to the first one, later with every round and sooner the less life is left', () => {
    const at = (rounds: number, days: number | null) => {
      const names = Array.from({ length: rounds - 1 }, () => CAS).flat();
      const life = days === null ? null : { left: days * DAY, whole: 90 * DAY };
      const decision = fallback(input({}, { authority: 'zerossl', left: left(...names, 'letsencrypt', 'google') }, { life }));
      return decision.do === 'return' ? [decision.authority, decision.at - NOW, decision.rounds] : decision;
    };
    expect(at(1, 30)).toEqual(['letsencrypt', HOUR, 1]);
    expect(at(2, 30)).toEqual(['letsencrypt', 6 * HOUR, 2]);
    expect(at(9, 30)).toEqual(['letsencrypt', DAY, 9]);
    expect(at(9, null)).toEqual(['letsencrypt', DAY, 9]);
    expect(at(9, 1)).toEqual(['letsencrypt', 2.4 * HOUR, 9]);
    expect(at(9, 0)).toEqual(['letsencrypt', 10 * MINUTE, 9]);
  });

  it('is explained by what the first one said last', () => {
    const issuance = { authority: 'zerossl', left: left('letsencrypt', 'google'), spec: { authorities: CAS } };
    expect(whyNotTheFirst(issuance)).toBe('letsencrypt did not issue at 2026-11-21 00:00 UTC (nor did google): letsencrypt is busy.');
    expect(whyNotTheFirst({ ...issuance, authority: 'letsencrypt' })).toBeNull();
  });
});

describe('patience with a CA that asks for time', () => {
  it('is less the less life is left', () => {
    expect([null, 0, DAY, 10 * DAY, 90 * DAY].map((life) => patience(life))).toEqual([10 * MINUTE, 10 * MINUTE, 14.4 * MINUTE, 2.4 * HOUR, 6 * HOUR]);
  });
});

describe('however many CAs fail in whatever way', () => {
  const kinds = fc.constantFrom<[FailureClass, string]>(
    ['overload', 'acme_overloaded'],
    ['limit', 'acme_rate_limited'],
    ['protocol', 'acme_reply_malformed'],
    ['account', 'acme_account_unauthorized'],
    ['paused', 'acme_paused'],
    ['permanent', 'acme_rejected_identifier'],
    ['dns', 'dns_caa_forbids'],
  );

  it('they are asked a bounded number of times a day, and each of them again and again', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 5 }),
        fc.infiniteStream(kinds),
        fc.option(fc.integer({ min: 0, max: 60 * DAY }), { nil: null }),
        fc.double({ min: 0, max: 0.99, noNaN: true }),
        (count, failures, life, random) => {
          const authorities = Array.from({ length: count }, (_, position) => `ca${position}`);
          const issuance: FallbackInput['issuance'] = {
            authority: 'ca0',
            left: [],
            order: null,
            phase: 'order',
            refusedChains: undefined,
            spec: { authorities },
          };
          const asked = new Map<string, number>();
          let now = NOW;
          let inRow = 0;
          let attempts = 0;
          for (const [kind, code] of failures) {
            const own = issuance.authority === 'ca0' && code === 'dns_caa_forbids' ? 'acme_overloaded' : code;
            const failure = { class: own === code ? kind : ('overload' as const), code: own, retryAt: undefined };
            attempts += 1;
            inRow += 1;
            asked.set(issuance.authority, (asked.get(issuance.authority) ?? 0) + 1);
            const lifeLeft = life === null ? null : Math.max(0, NOW + life - now);
            const decision = fallback({
              issuance,
              failure: { ...failure, count: inRow },
              life: lifeLeft === null ? null : { left: lifeLeft, whole: 90 * DAY },
              now,
            });
            if (decision.do === 'stay') now = retryTime({ class: failure.class, count: inRow, now, retryAt: undefined, lifeLeft, random });
            else {
              issuance.left = [...issuance.left, ...left(issuance.authority)].slice(-20);
              issuance.authority = decision.authority;
              inRow = 0;
              if (decision.do === 'return') now = Math.max(now, decision.at);
            }
            if (now >= NOW + DAY) break;
          }
          // Three of each in the first round, then one of each every ten minutes at the very worst.
          expect(attempts).toBeLessThanOrEqual(count * (3 + 144));
          if (life === null || life > 20 * DAY) expect(attempts).toBeLessThanOrEqual(count * 8);
        },
      ),
      { numRuns: 200 },
    );
  });
});
