import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CertificateState, type HistoryEntry, phaseSchema } from '../../../functions/certificates/state.ts';
import { viewOf } from '../../../functions/certificates/view.ts';
import { DAY, HOUR, MINUTE } from '../../../shared/clock.ts';
import { anyState, ari, delivery, failure, hex, issuance, issued, live, NOW, order, placed, state } from './states.ts';

const history: HistoryEntry[] = [];
const view = (present: CertificateState, held = false) => viewOf({ state: present, history, now: NOW, held });

describe('the view of a certificate', () => {
  it('says live, until when, and when it is renewed', () => {
    expect(view(state())).toMatchObject({
      state: 'live',
      phase: 'idle',
      waitingFor: null,
      renewal: { at: NOW + 48.8 * DAY },
      live: { sha256: hex('a'), adopted: false },
      issuance: null,
      deliveries: [{ state: 'live', index: 7 }],
    });
  });

  it('holds no chain, CSR, nonce, challenge value, order or account', () => {
    const secretive = state({
      live: live({ chain: 'CHAIN-OF-LIVE', accountUrl: 'https://ca.test/ACCOUNT' }),
      issuance: issuance({
        nonce: 'NONCE',
        accountUrl: 'https://ca.test/ACCOUNT',
        order: { ...order, url: 'https://ca.test/ORDER' },
        key: { cluster: 'matrix', csr: 'CSR-BYTES', spki: hex('d'), madeIn: 'matrix/allocation' },
        challenges: [
          { url: 'https://ca.test/CHALLENGE', authorization: 'https://ca.test/AUTHZ', name: '_acme-challenge.matrix.example.net', value: 'TXT-VALUE' },
        ],
        placed: [{ ...placed, value: 'TXT-VALUE' }],
        issued: issued({ chain: 'CHAIN-OF-NEW' }),
        intent: { id: 'INTENT', runner: 'RUNNER', deadline: NOW },
      }),
    });
    const json = JSON.stringify(view(secretive));
    for (const word of ['CHAIN-OF', 'CSR-BYTES', 'NONCE', 'ACCOUNT', 'ORDER', 'CHALLENGE', 'AUTHORIZATION', 'TXT-VALUE', 'INTENT', 'RUNNER'])
      expect(json).not.toContain(word);
    expect(json).toContain('matrix/allocation');
  });

  const states: [string, CertificateState, string][] = [
    ['new', state({ live: null, deliveries: [delivery({ wanted: null })] }), 'new'],
    ['being renewed', state({ issuance: issuance() }), 'renewing'],
    ['being redelivered', state({ deliveries: [delivery({ step: 'install' })] }), 'renewing'],
    ['failing to order', state({ issuance: issuance({ failure: failure() }) }), 'failing'],
    ['failing to ask the cluster', state({ live: null }, { adoptionDone: false, adoptionFailure: failure({ code: 'relay_offline' }) }), 'failing'],
    ['waiting for an instance', state({ deliveries: [delivery({ step: 'verify', failure: failure({ code: 'traefik_no_instance' }) })] }), 'waiting'],
    ['served by some', state({ deliveries: [delivery({ step: 'verify', failure: failure({ code: 'traefik_unreachable' }) })] }), 'partly-live'],
    ['served wrongly', state({ deliveries: [delivery({ step: 'verify', failure: failure({ code: 'traefik_serves_another' }) })] }), 'failing'],
    ['removed', state({}, { retired: true }), 'retired'],
  ];
  it.each(states)('calls one that is %s by its name', (_what, present, name) => {
    expect(view(present).state).toBe(name);
  });

  it('gives a drifted delivery and its way out their own name', () => {
    const drifted = view(
      state({ deliveries: [delivery({ step: 'verify', failure: failure({ code: 'drift', message: 'Somebody else wrote.', hint: 'Redeliver.' }) })] }),
    );
    expect(drifted.deliveries[0]).toMatchObject({ state: 'drift', failure: { hint: 'Redeliver.' } });
    expect(drifted.reason).toBe('Somebody else wrote.');
  });

  it('says what a failing certificate waits for, and until when', () => {
    const failing = view(state({ issuance: issuance({ failure: failure({ message: 'The CA is busy.', retryAt: NOW + MINUTE }) }) }));
    expect(failing).toMatchObject({ reason: 'The CA is busy.', waitingFor: 'The next try.', nextAt: NOW + MINUTE });
  });

  it('takes no verdict on the pair before for one on the pair that was just installed', () => {
    const instance = {
      id: 'traefik-1',
      address: '10.0.0.1',
      port: 443,
      verdict: 'new' as const,
      detail: '',
      sha256: hex('a'),
      issuer: null,
      notAfter: null,
      at: NOW - HOUR,
    };
    const waits = (verifiedAt: number) =>
      view(state({ deliveries: [delivery({ step: 'verify', instances: [instance], verifiedAt, verifyingSince: NOW - MINUTE })] })).waitingFor;
    expect(waits(NOW - HOUR)).toBe('The first dial.');
    expect(waits(NOW)).toBe('traefik: 1 of 1 instance serves it.');
  });

  it('says when records take longer than usual', () => {
    const since = (ago: number) =>
      view(
        state({
          issuance: issuance({
            phase: 'propagate',
            order,
            phases: [{ name: 'propagate', startedAt: NOW - ago, endedAt: null }],
            propagation: { complete: false, summary: '1 of 2 authoritative servers', weak: false, servers: [], confirmed: [] },
          }),
        }),
      ).waitingFor;
    expect(since(MINUTE)).toBe('1 of 2 authoritative servers.');
    expect(since(HOUR)).toBe('1 of 2 authoritative servers, longer than usual.');
  });

  it('gives a slow vendor more time before it says so', () => {
    const phases = [{ name: 'propagate' as const, startedAt: NOW - 20 * MINUTE, endedAt: null }];
    const waits = (provider: 'cloudflare' | 'namecheap') =>
      view(state({ issuance: issuance({ phase: 'propagate', order, phases, placed: [{ ...placed, provider }] }) })).waitingFor;
    expect(waits('cloudflare')).toContain('longer than usual');
    expect(waits('namecheap')).not.toContain('longer than usual');
  });

  it('says which zone is being written', () => {
    const waits = (change: Partial<typeof placed>, polls: number) =>
      view(state({ issuance: issuance({ phase: 'present', order, polls, placed: [{ ...placed, ...change }] }) })).waitingFor;
    expect(waits({ provider: 'namecheap', zoneName: 'example.co.uk' }, 1)).toBe('The zone example.co.uk to be written and read back.');
    expect(waits({ provider: 'cloudflare' }, 1)).toBe('The DNS vendor to take the records.');
    expect(waits({ provider: 'namecheap' }, 0)).toBeNull();
  });

  it('says that an invalid configuration holds everything', () => {
    expect(view(state(), true)).toMatchObject({ waitingFor: 'A valid configuration.' });
  });

  const stopped = failure({ class: 'paused', code: 'acme_paused', message: 'The CA has paused it', attention: true, stopped: true });
  const attention = failure({ attention: true, hint: 'Look at it.' });

  const attended: [string, CertificateState][] = [
    ['its issuance', state({ issuance: issuance({ failure: attention }) })],
    ['the adoption', state({ live: null }, { adoptionDone: false, adoptionFailure: attention })],
    ['a delivery', state({ deliveries: [delivery({ step: 'verify', failure: { ...attention, code: 'traefik_unreachable' } })] })],
    ['a hold', state({}, { hold: attention })],
    ['a revocation', state({}, { revocation: { sha256: hex('a'), reason: 1, signer: 'account', at: NOW, failure: attention } })],
  ];
  it.each(attended)('needs attention when %s does', (_what, present) => {
    const shown = view(present);
    expect(shown.state).toBe('needs-attention');
    expect(shown.reason).toContain('The CA is busy.');
    // What to do stands in the sentence, or beside it.
    const hints = [shown.reason, shown.issuance?.failure?.hint, ...shown.deliveries.map((each) => each.failure?.hint)];
    expect(hints.some((hint) => hint?.includes('Look at it.'))).toBe(true);
  });

  it('says of what has stopped that renewing it is the way out, and promises no next try', () => {
    const shown = view(state({ live: null, deliveries: [], issuance: issuance({ failure: stopped }) }));
    expect(shown).toMatchObject({
      state: 'needs-attention',
      reason: 'The CA has paused it. Nothing is tried any more by itself: renew it once this is mended, or change its configuration.',
      waitingFor: 'Somebody who renews it, or a changed configuration.',
      nextAt: null,
      issuance: { failure: { retryAt: null, stopped: true } },
    });
  });

  it('says which CA is asked instead of the first, and why', () => {
    const left = [{ authority: 'first', at: NOW, class: 'overload' as const, code: 'acme_overloaded', message: 'It answered 503' }];
    expect(view(state({ issuance: issuance({ authority: 'second', left }) })).reason).toBe(
      'An order is placed with the CA. second is asked because first was left: It answered 503.',
    );
    expect(view(state({ issuance: issuance({ authority: 'second', left, failure: failure() }) })).reason).toBe(
      'The CA is busy. second is asked because first was left: It answered 503.',
    );
    expect(view(state({ live: live({ authority: 'second', why: 'The first was busy.' }) })).reason).toMatch(/ It was issued by second: The first was busy\.$/);
  });

  it('says when a start that was slept through comes', () => {
    const late = view(state({ live: live({}, 61 * DAY) }));
    expect(late.nextAt).toBe(NOW + 10 * MINUTE);
  });

  it("shows the explanation of the CA's window as text", () => {
    const url = 'https://ca.test/incident';
    expect(view(state({ ari: ari({ start: NOW, end: NOW + HOUR, selectedAt: NOW + MINUTE, explanationUrl: url }) })).ari?.explanationUrl).toBe(url);
  });

  it.each(phaseSchema.options)('has a sentence and a next time in the phase %s, failing or not', (phase) => {
    for (const failed of [null, failure(), attention]) {
      const shown = view(state({ live: null, deliveries: [], issuance: issuance({ phase, order, failure: failed }) }));
      expect(shown.reason).toMatch(/^[A-Z].*\.$/);
      expect(shown.nextAt).not.toBeNull();
    }
  });

  it('can be made of every state, as plain JSON with a sentence for people', () => {
    fc.assert(
      fc.property(anyState, fc.boolean(), (present, held) => {
        const shown = view(present, held);
        expect(JSON.parse(JSON.stringify(shown))).toEqual(shown);
        expect(shown.reason).toMatch(/^\S.*\.$/);
        expect(shown.waitingFor === null || /^\S.*\.$/.test(shown.waitingFor)).toBe(true);
        expect(shown.nextAt === null || shown.nextAt >= NOW).toBe(true);
      }),
    );
  });

  it('tells of every state when something is done next, unless it is retired, has stopped or is live with nothing planned', () => {
    fc.assert(
      fc.property(anyState, (present) => {
        const { record, issuance: open, deliveries } = present;
        const shown = view(present);
        const failures = [record.adoptionFailure, open?.failure, record.hold, ...deliveries.map((each) => each.failure)];
        const resting = failures.some((failed) => failed?.stopped === true) || record.retired;
        if (!resting) expect(shown.nextAt).not.toBeNull();
        if (shown.nextAt === null && !record.retired) {
          expect(shown.state).toBe('needs-attention');
          expect(shown.reason).toContain('renew');
        }
      }),
      { numRuns: 1_000 },
    );
  });
});
