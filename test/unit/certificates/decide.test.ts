import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decide, type Step } from '../../../functions/certificates/decide.ts';
import { nextRenewal, REASONS, shareOf } from '../../../functions/certificates/renewal.ts';
import type { CertificateState } from '../../../functions/certificates/state.ts';
import { DAY, HOUR, MINUTE } from '../../../shared/clock.ts';
import { anyState, ari, delivery, deliverySpec, failure, hex, issuance, issued, live, NOW, order, placed, spec, state } from './states.ts';

const ORDERING: Step['do'][] = ['order', 'present', 'propagate', 'validate', 'finalize', 'download'];
const other = { ...deliverySpec, id: 'other' };
/** Due since a minute; its backstop is early by two thirds of the spread. */
const due = live({}, 60 * DAY - Math.round((90 / 50) * DAY * shareOf(hex('a'))) + MINUTE);
const newer = { generation: 2, spec: { ...state().record.spec, domains: ['new.example.net'] } };
const stopped = failure({ class: 'permanent', attention: true, stopped: true });
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
  ['starts when it is due', state({ live: due }), { do: 'start', reason: REASONS.backstop }],
  ['gives a start that was slept through a moment of its own', state({ live: live({}, 61 * DAY) }), { do: 'defer', until: NOW + 10 * MINUTE }],
  ['starts in that moment', state({ live: live({}, 61 * DAY) }, { guardedUntil: NOW }), { do: 'start', reason: REASONS.backstop }],
  ['hurries when a tenth of the lifetime is left', state({ live: live({}, 82 * DAY) }), { do: 'defer', until: NOW + (4 / 3) * MINUTE }],
  ['does not wait in the last twentieth', state({ live: live({}, 86 * DAY) }), { do: 'start', reason: REASONS.emergency }],
  ['does not wait once it has expired', state({ live: live({}, 91 * DAY) }), { do: 'start', reason: REASONS.emergency }],
  [
    "does not wait beyond the end of the CA's window",
    state({ live: live({}, 60 * DAY), ari: ari({ start: NOW - 2 * HOUR, end: NOW + 5 * MINUTE, selectedAt: NOW - HOUR }) }),
    { do: 'start', reason: REASONS.ariSelected },
  ],
  [
    'acts at once when the CA has moved its window into the past',
    state({ ari: ari({ start: NOW - 2 * HOUR, end: NOW - HOUR, selectedAt: NOW - 2 * HOUR, alertedFor: NOW - 2 * HOUR }) }),
    { do: 'start', reason: REASONS.incident },
  ],
  [
    'acts on an incident when the loop guard lets it',
    state({ ari: ari({ start: NOW - 2 * HOUR, end: NOW - HOUR, selectedAt: NOW - 2 * HOUR, alertedFor: NOW - 2 * HOUR }) }, { guardedUntil: NOW + MINUTE }),
    { do: 'wait', until: NOW + MINUTE },
  ],
  [
    'replaces a revoked certificate at once, whatever holds others back',
    state({ live: live({ revoked: { at: NOW, reason: 1 } }) }, { guardedUntil: NOW + DAY, hold: failure({ retryAt: NOW + DAY }) }),
    { do: 'start', reason: REASONS.revoked },
  ],
  [
    'is held back as long as a hold says',
    state({ ari: null, live: due, deliveries: [] }, { hold: failure({ retryAt: NOW + HOUR }) }),
    { do: 'wait', until: NOW + HOUR },
  ],
  [
    'is held back until the last twentieth when a hold has stopped it',
    state({ ari: null, live: due, deliveries: [] }, { hold: failure({ stopped: true }) }),
    { do: 'wait', until: due.leaf.notAfter - 4.5 * DAY },
  ],
  ['is not held back from a person', state({}, { demand: 'forced', hold: failure({ stopped: true }) }), { do: 'start', reason: REASONS.forced }],
  [
    'is not guarded from a changed specification',
    state({}, { spec: { ...state().record.spec, keyType: 'rsa-2048' }, guardedUntil: NOW + DAY }),
    { do: 'start', reason: REASONS.specChanged },
  ],
  [
    'is held back when what came of the changed specification was rolled back, or orders and rollbacks would go round',
    state({ deliveries: [] }, { spec: { ...state().record.spec, keyType: 'rsa-2048' }, hold: failure({ code: 'rolled_back', retryAt: NOW + HOUR }) }),
    { do: 'wait', until: NOW + HOUR },
  ],
  [
    'is not held back in the last twentieth',
    state({ live: live({}, 87 * DAY) }, { hold: failure({ retryAt: NOW + DAY }) }),
    { do: 'start', reason: REASONS.emergency },
  ],
  [
    'asks no CA about a certificate that has expired, even when nothing may start',
    state({ live: live({}, 91 * DAY), ari: ari({ nextCheckAt: NOW }), deliveries: [] }, { guardedUntil: NOW + HOUR }),
    { do: 'wait', until: NOW + HOUR },
  ],
  ['asks the CA for its window when it is time', state({ ari: ari({ nextCheckAt: NOW }) }), { do: 'ari' }],
  ['prefers a due renewal over asking the CA', state({ live: due, ari: ari({ nextCheckAt: NOW }) }), { do: 'start', reason: REASONS.backstop }],
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

  [
    'tries nothing on an issuance that has stopped, and looks after the live certificate',
    state({ issuance: issuance({ failure: stopped }) }),
    { do: 'wait', until: NOW - HOUR + DAY },
  ],
  [
    'has nothing planned when it has stopped before the first certificate',
    state({ live: null, deliveries: [], issuance: issuance({ failure: stopped }) }),
    { do: 'wait', until: null },
  ],
  ['tidies DNS when it has stopped', state({ issuance: issuance({ ...dirty, phase: 'finalize', order, failure: stopped }) }), { do: 'clean-up' }],
  [
    'gives way to a changed specification when it has stopped',
    state({ issuance: issuance({ phase: 'finalize', order, failure: stopped }) }, newer),
    { do: 'abandon' },
  ],
  ['gives way to a changed specification when it fails before its order', state({ issuance: issuance({ failure: failure() }) }, newer), { do: 'abandon' }],
  [
    'gives way to a changed specification when it needs a person',
    state({ issuance: issuance({ phase: 'validate', order, failure: failure({ attention: true }) }) }, newer),
    { do: 'abandon' },
  ],
  [
    'is finished in spite of a changed specification when the CA may have issued',
    state({ ari: null, issuance: issuance({ phase: 'download', order: { ...order, status: 'processing' }, failure: failure({ attention: true }) }) }, newer),
    { do: 'wait', until: NOW + HOUR },
  ],
  [
    'does not give way to the same specification under a newer number',
    state({ issuance: issuance({ failure: stopped }) }, { generation: 9 }),
    { do: 'wait', until: NOW - HOUR + DAY },
  ],
  [
    'does not dial again for a delivery that has stopped',
    state({ ari: null, deliveries: [delivery({ step: 'install', failure: stopped })] }),
    { do: 'wait', until: nextRenewal(NOW, live(), null, spec).at },
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

  it('it waits for a time in the future, or for good when it was removed or has stopped', () => {
    always(({ record, issuance: open }, step) => {
      if (step.do === 'defer') expect(step.until).toBeGreaterThan(NOW);
      if (step.do !== 'wait') return;
      if (step.until === null)
        expect(record.retired || [record.adoptionFailure, record.hold, open?.failure].some((failed) => failed?.stopped === true)).toBe(true);
      else expect(step.until).toBeGreaterThan(NOW);
    });
  });

  it('what has stopped is not tried by itself, whenever it is asked', () => {
    fc.assert(
      fc.property(anyState, fc.integer({ min: 0, max: 400 * DAY }), (present, later) => {
        const open = present.issuance;
        fc.pre(open !== null && open.issued === null && open.failure?.stopped === true && !present.record.retired && present.record.adoptionDone);
        expect([...ORDERING, 'start', 'abandon']).not.toContain(decide(present, NOW + later).do);
      }),
    );
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
