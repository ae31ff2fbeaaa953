import { describe, expect, it } from 'vitest';
import { planRestore, type CertificateDump } from '../../../functions/certificates/certificate-dump.ts';
import type { CertificateState } from '../../../functions/certificates/state.ts';
import { delivery, failure, hex, issuance, issued, live, order, placed, state } from '../certificates/states.ts';

const dump = (change: Partial<CertificateState> = {}): CertificateDump => ({ ...state({ live: live(), ...change }), history: [] });
const adopted = (sha256 = hex('a'), spki = hex('b')) =>
  live({ issuance: null, adopted: true, authority: null, accountUrl: null, keyType: null, leaf: { ...live().leaf, sha256, spki } });
const outcome = (here: CertificateState | null, backup: CertificateDump, history: { id: string }[] = []) => planRestore(here, backup, history).restoration;
const openOrder = issuance({ order, key: { cluster: 'matrix', csr: 'csr', spki: hex('f'), madeIn: 'matrix/a' } });

describe('an import into a certificate that', () => {
  it('was never specified brings everything back, and has the cluster asked again', () => {
    const backup = dump({ issuance: openOrder });
    const plan = planRestore(null, backup, []);
    expect(plan.restoration.outcome).toBe('restored');
    expect(plan.state).toMatchObject({ record: { adoptionDone: false, adoptionFailure: null }, live: backup.live, issuance: { id: 'issuance-1' } });
  });

  it('has been told its specification since keeps that one', () => {
    const here = state({ live: null, ari: null, deliveries: [] }, { generation: 9, adoptionDone: false, adoptionFailure: failure() });
    const plan = planRestore(here, dump(), []);
    expect(plan.state).toMatchObject({ record: { generation: 9, adoptionDone: false, adoptionFailure: null }, live: { issuance: 'issuance-0' } });
  });

  it('has adopted the same certificate meanwhile takes back which account and issuance it is of', () => {
    const plan = planRestore(state({ live: adopted() }), dump(), []);
    expect(plan.restoration.outcome).toBe('restored');
    expect(plan.state?.live).toMatchObject({ adopted: false, issuance: 'issuance-0', accountUrl: 'https://ca.test/account/1' });
  });

  it("has adopted what the backup's open issuance led to takes it back as well, known by its key or by its leaf", () => {
    expect(outcome(state({ live: adopted(hex('9'), hex('f')) }), dump({ issuance: openOrder })).outcome).toBe('restored');
    expect(outcome(state({ live: adopted(hex('c')) }), dump({ issuance: issuance({ order, issued: issued() }) })).outcome).toBe('restored');
  });

  it('has adopted another certificate, or issued one, keeps it', () => {
    expect(outcome(state({ live: adopted(hex('9'), hex('8')) }), dump())).toMatchObject({
      outcome: 'kept',
      reason: expect.stringContaining('what is served') as string,
    });
    expect(outcome(state({ live: live({ issuance: 'here', leaf: { ...live().leaf, sha256: hex('9') } }) }), dump()).outcome).toBe('kept');
  });

  it.each([
    ['an order', { order }],
    ['a call that may have made one', { intent: { id: 'order-1', runner: 'r', deadline: 1 } }],
    ['records in DNS', { placed: [placed] }],
  ])('has begun another issuance with %s keeps it', (_what, change) => {
    expect(outcome(state({ live: null, issuance: issuance({ id: 'here', ...change }) }), dump({ issuance: openOrder })).outcome).toBe('kept');
  });

  it('has begun another issuance that nothing came of yet gives it up for the one that is open', () => {
    const plan = planRestore(state({ live: null, issuance: issuance({ id: 'here' }) }), dump({ issuance: openOrder }), []);
    expect(plan.state?.issuance?.id).toBe('issuance-1');
  });

  it('has finished the issuance that the backup has open keeps what came of it', () => {
    const backup = dump({ issuance: openOrder });
    expect(outcome(state({ live: live({ issuance: 'issuance-1' }) }), backup).outcome).toBe('kept');
    expect(outcome(state(), backup, [{ id: 'issuance-1' }]).outcome).toBe('kept');
  });

  it('is as the backup knows it is left alone', () => {
    expect(planRestore(state(), dump(), [])).toEqual({ restoration: { outcome: 'identical', reason: null }, state: null });
    const openHere = state({ issuance: issuance({ ...openOrder, polls: 5 }), deliveries: [delivery({ verifiedAt: 1 })] });
    expect(outcome(openHere, dump({ issuance: openOrder })).outcome).toBe('identical');
  });

  it('adds what must not be forgotten: quarantined leaves, a pending revocation, a hold', () => {
    const revocation = { sha256: hex('a'), reason: 1, signer: 'account' as const, at: 1, failure: null };
    const backup = { ...dump(), record: { ...dump().record, quarantined: [hex('1')], revocation, hold: failure() } };
    const plan = planRestore(state({ live: adopted() }, { quarantined: [hex('2')] }), backup, []);
    expect(plan.state?.record).toMatchObject({ quarantined: [hex('2'), hex('1')], revocation, hold: { code: 'acme_server_error' } });
  });
});
