/** Which pair of a cluster is adopted, by what those who dial are served. */
import { describe, expect, it } from 'vitest';
import type { Verdict } from '../../../shared/relay/contract.ts';
import { distrusted, servedInVain, unproven } from '../../../functions/certificates/adoption.ts';
import { delivery, hex, issuance, live, NOW, state } from './states.ts';

const OURS = hex('a');

const row = (verdict: Verdict, sha256: string | null = OURS) => ({
  id: `instance-${verdict}`,
  address: '10.0.0.1',
  port: 443,
  verdict: verdict as 'new',
  detail: 'It leads to no root.',
  sha256,
  issuer: null,
  notAfter: null,
  at: NOW,
});

describe('a pair that a cluster has', () => {
  it('is served in vain where exactly its leaf is served and not trusted, and the place and the reason are named', () => {
    expect(servedInVain([row('foreign')], OURS)).toBe('10.0.0.1:443 serves it. It leads to no root.');
    expect(servedInVain([row('unreachable', null), row('foreign')], OURS)).toContain('no root');
  });

  it.each([
    ['nobody can be dialled', [row('unreachable', null)]],
    ['no instance is known', []],
    ['another leaf is served', [row('foreign', hex('b')), row('old', hex('c')), row('default', hex('d'))]],
    ['one instance serves it as it must: the pair is not to blame', [row('foreign'), row('new')]],
  ])('is not where %s', (_what, rows) => {
    expect(servedInVain(rows, OURS)).toBeNull();
  });

  it('is told to be distrusted wherever it is, for whoever looks for the cause', () => {
    expect(distrusted([row('new'), row('foreign')], OURS)).toContain('no root');
    expect(distrusted([row('foreign', hex('b'))], OURS)).toBeNull();
  });
});

describe('an adoption', () => {
  const since = NOW - 1_000;
  const verifying = delivery({ step: 'verify', verifyingSince: since });
  const adopted = live({ adopted: true, since });

  it('is unproven until one delivery was seen to serve it', () => {
    expect(unproven(state({ live: adopted, deliveries: [verifying] }), verifying)).toBe(true);
    expect(unproven(state({ live: adopted, deliveries: [verifying, delivery({ step: 'done' })] }), verifying)).toBe(false);
  });

  it.each([
    ['it was issued here', state({ live: live({ since }), deliveries: [verifying] }), verifying],
    ['a renewal is under way', state({ live: adopted, deliveries: [verifying], issuance: issuance() }), verifying],
    ['it was served before', state({ live: adopted, deliveries: [verifying] }), { ...verifying, verifyingSince: NOW }],
    ['nothing is live', state({ live: null, deliveries: [verifying] }), verifying],
  ])('is not in question where %s', (_what, present, looked) => {
    expect(unproven(present, looked)).toBe(false);
  });
});
