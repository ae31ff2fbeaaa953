import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decide, type Step } from '../../../functions/certificates/decide.ts';
import { REASONS } from '../../../functions/certificates/renewal.ts';
import type { CertificateState } from '../../../functions/certificates/state.ts';
import { DAY, HOUR, MINUTE } from '../../../shared/clock.ts';
import { anyState, ari, delivery, deliverySpec, failure, issuance, issued, live, NOW, order, placed, state } from './states.ts';

const ORDERING: Step['do'][] = ['order', 'present', 'propagate', 'validate', 'finalize', 'download'];
const other = { ...deliverySpec, id: 'other' };
const dirty = { placed: [placed], cleaned: false };

const table: [string, CertificateState, Step][] = [
  ['asks the cluster first when it knows nothing', state({ live: null }, { adoptionDone: false }), { do: 'adopt' }],
  [
    'waits before it asks the cluster again',
    state({ live: null }, { adoptionDone: false, adoptionFailure: failure({ retryAt: NOW + MINUTE }) }),
    { do: 'wait', until: NOW + MINUTE },
  ],
  ['asks the cluster again when the wait is over', state({ live: null }, { adoptionDone: false, adoptionFailure: failure({ retryAt: NOW }) }), { do: 'adopt' }],
  ['starts when there is no certificate', state({ live: null, ari: null }), { do: 'start', reason: REASONS.missing }],
  ['starts when a person insists', state({}, { demand: 'forced' }), { do: 'start', reason: REASONS.forced }],
  ['starts when it is due', state({ live: live({}, 61 * DAY) }), { do: 'start', reason: REASONS.backstop }],
  ['asks the CA for its window when it is time', state({ ari: ari({ nextCheckAt: NOW }) }), { do: 'ari' }],
  ['prefers a due renewal over asking the CA', state({ live: live({}, 61 * DAY), ari: ari({ nextCheckAt: NOW }) }), { do: 'start', reason: REASONS.backstop }],
  ["waits for whatever comes first: the CA's window", state({ ari: ari({ nextCheckAt: NOW + HOUR }) }), { do: 'wait', until: NOW + HOUR }],
  ['waits for whatever comes first: the daily dial', state({ ari: null }), { do: 'wait', until: NOW - HOUR + DAY }],
  ['dials a live certificate daily', state({ deliveries: [delivery({ verifiedAt: NOW - DAY })] }), { do: 'verify', delivery: deliverySpec.id }],
  ['goes on with a redelivery', state({ deliveries: [delivery({ step: 'install' })] }), { do: 'install', delivery: deliverySpec.id }],
  [
    'waits with a redelivery that failed',
    state({ ari: null, deliveries: [delivery({ step: 'install', retryAt: NOW + MINUTE })] }),
    { do: 'wait', until: NOW + MINUTE },
  ],

  ...(['order', 'present', 'propagate', 'validate', 'finalize', 'download'] as const).map((phase): [string, CertificateState, Step] => [
    `runs the phase it is in: ${phase}`,
    state({ issuance: issuance({ phase, order: phase === 'order' ? null : order }) }),
    { do: phase },
  ]),
  ['goes on with an issuance whatever is demanded', state({ issuance: issuance({ phase: 'validate', order }) }, { demand: 'forced' }), { do: 'validate' }],
  [
    'goes on with an issuance whatever the specification says now',
    state({ issuance: issuance({ phase: 'finalize', order }) }, { spec: { ...state().record.spec, domains: ['new.example.net'] } }),
    { do: 'finalize' },
  ],
  ['waits as long as a failure says', state({ issuance: issuance({ failure: failure({ retryAt: NOW + HOUR }) }) }), { do: 'wait', until: NOW + HOUR }],
  ['waits as long as a poll says', state({ issuance: issuance({ phase: 'validate', order, waitUntil: NOW + 500 }) }), { do: 'wait', until: NOW + 500 }],
  ['tidies DNS while it waits with a dropped order', state({ issuance: issuance({ ...dirty, failure: failure() }) }), { do: 'clean-up' }],
  ['tidies DNS before a new order', state({ issuance: issuance(dirty) }), { do: 'clean-up' }],
  [
    'does not let a DNS vendor that is down stand in the way of a new order',
    state({ issuance: issuance({ ...dirty, cleanUpRetryAt: NOW + MINUTE }) }),
    { do: 'order' },
  ],
  [
    'wakes to tidy DNS while it waits for something later',
    state({ issuance: issuance({ ...dirty, cleanUpRetryAt: NOW + MINUTE, failure: failure({ retryAt: NOW + HOUR }) }) }),
    { do: 'wait', until: NOW + MINUTE },
  ],
  [
    'looks after the live certificate while it waits',
    state({ issuance: issuance({ failure: failure({ retryAt: NOW + HOUR }) }), deliveries: [delivery({ step: 'install' })] }),
    { do: 'install', delivery: deliverySpec.id },
  ],
  [
    'dials the live certificate while it waits',
    state({ issuance: issuance({ failure: failure({ retryAt: NOW + HOUR }) }), deliveries: [delivery({ verifiedAt: NOW - DAY })] }),
    { do: 'verify', delivery: deliverySpec.id },
  ],
  [
    'leaves records alone while their order is open',
    state({ issuance: issuance({ ...dirty, phase: 'propagate', order, waitUntil: NOW + 200 }) }),
    { do: 'wait', until: NOW + 200 },
  ],

  [
    'installs first',
    state({ issuance: issuance({ issued: issued(), ...dirty }), deliveries: [delivery({ step: 'install' })] }),
    { do: 'install', delivery: deliverySpec.id },
  ],
  [
    'reloads before it tidies',
    state({ issuance: issuance({ issued: issued(), ...dirty }), deliveries: [delivery({ step: 'reload' })] }),
    { do: 'reload', delivery: deliverySpec.id },
  ],
  [
    'tidies DNS while the proxy loads',
    state({ issuance: issuance({ issued: issued(), ...dirty }), deliveries: [delivery({ step: 'verify' })] }),
    { do: 'clean-up' },
  ],
  ['then dials', state({ issuance: issuance({ issued: issued() }), deliveries: [delivery({ step: 'verify' })] }), { do: 'verify', delivery: deliverySpec.id }],
  [
    'does not let one target wait for another',
    state({
      issuance: issuance({ issued: issued() }),
      deliveries: [delivery({ step: 'install', retryAt: NOW + HOUR }), delivery({ id: other.id, spec: other, step: 'install' })],
    }),
    { do: 'install', delivery: 'other' },
  ],
  [
    'waits for the first target that can go on',
    state({
      issuance: issuance({ issued: issued() }),
      deliveries: [delivery({ step: 'install', retryAt: NOW + HOUR }), delivery({ id: other.id, spec: other, step: 'verify', retryAt: NOW + MINUTE })],
    }),
    { do: 'wait', until: NOW + MINUTE },
  ],
  ['completes when every target serves it and DNS is tidy', state({ issuance: issuance({ issued: issued() }) }), { do: 'complete' }],
  ['tidies DNS before it completes', state({ issuance: issuance({ issued: issued(), ...dirty }) }), { do: 'clean-up' }],
  [
    "completes when the vendor is down: the zone's janitor tidies",
    state({ issuance: issuance({ issued: issued(), ...dirty, cleanUpRetryAt: NOW + MINUTE }) }),
    { do: 'complete' },
  ],
  [
    'gives up a delivery that hangs when a person insists',
    state(
      { issuance: issuance({ issued: issued() }), deliveries: [delivery({ step: 'verify', retryAt: NOW + MINUTE, failure: failure() })] },
      { demand: 'forced' },
    ),
    { do: 'abandon' },
  ],
  [
    'does not give up a delivery that goes well, whoever insists',
    state({ issuance: issuance({ issued: issued() }), deliveries: [delivery({ step: 'verify', retryAt: NOW + MINUTE })] }, { demand: 'forced' }),
    { do: 'wait', until: NOW + MINUTE },
  ],
  [
    'gives up a delivery whose certificate has itself become due',
    state({ issuance: issuance({ issued: issued({ leaf: live({}, 80 * DAY).leaf }) }), deliveries: [delivery({ step: 'verify', retryAt: NOW + MINUTE })] }),
    { do: 'abandon' },
  ],

  ['rests when it was removed', state({ live: live({}, 61 * DAY) }, { retired: true }), { do: 'wait', until: null }],
  ['tidies DNS when it was removed', state({ issuance: issuance({ phase: 'validate', order, ...dirty }) }, { retired: true }), { do: 'clean-up' }],
  [
    'waits for the vendor when it was removed',
    state({ issuance: issuance({ phase: 'validate', order, ...dirty, cleanUpRetryAt: NOW + 1 }) }, { retired: true }),
    { do: 'wait', until: NOW + 1 },
  ],
  ['gives its issuance up when it was removed', state({ issuance: issuance({ phase: 'validate', order }) }, { retired: true }), { do: 'abandon' }],
];

describe('a certificate', () => {
  it.each(table)('%s', (_what, present, step) => {
    expect(decide(present, NOW)).toEqual(step);
  });
});

describe('whatever state a certificate is in', () => {
  const always = (check: (state: CertificateState, step: Step) => void) =>
    fc.assert(
      fc.property(anyState, (present) => check(present, decide(present, NOW))),
      { numRuns: 2_000 },
    );

  it('nothing is ordered while an issued certificate is being delivered', () => {
    always(({ issuance: open }, step) => {
      if (open?.issued) expect(ORDERING).not.toContain(step.do);
    });
  });

  it('a second issuance never starts while one is open', () => {
    always(({ issuance: open }, step) => {
      if (open !== null) expect(step.do).not.toBe('start');
    });
  });

  it('the phases of an issuance never run without one', () => {
    always(({ issuance: open }, step) => {
      if (open === null) expect([...ORDERING, 'clean-up', 'complete', 'abandon']).not.toContain(step.do);
    });
  });

  it('a failed delivery alone never leads to an order', () => {
    always((present, step) => {
      const healthy: CertificateState = {
        ...present,
        deliveries: present.deliveries.map((each) => ({ ...each, step: 'done' as const, verifiedAt: NOW, retryAt: 0, failure: null })),
      };
      if (step.do === 'start') expect(decide(healthy, NOW)).toEqual(step);
    });
  });

  it('it waits for a time in the future, or for good when it was removed', () => {
    always(({ record }, step) => {
      if (step.do !== 'wait') return;
      if (step.until === null) expect(record.retired).toBe(true);
      else expect(step.until).toBeGreaterThan(NOW);
    });
  });

  it('something is to be done when the time it waits for has come', () => {
    always((present, step) => {
      if (step.do !== 'wait' || step.until === null) return;
      const then = decide(present, step.until);
      if (then.do === 'wait') expect(then.until).toBeGreaterThan(step.until);
    });
  });

  it('a removed certificate only tidies up', () => {
    always(({ record }, step) => {
      if (record.retired) expect(['clean-up', 'abandon', 'wait']).toContain(step.do);
    });
  });

  it('the cluster is asked before anything is ordered', () => {
    always(({ record }, step) => {
      if (!record.adoptionDone && !record.retired) expect(['adopt', 'wait']).toContain(step.do);
    });
  });

  it('deciding changes nothing', () => {
    fc.assert(
      fc.property(anyState, (present) => {
        const before = structuredClone(present);
        decide(present, NOW);
        expect(present).toEqual(before);
      }),
    );
  });
});
