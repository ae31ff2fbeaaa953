import { describe, expect, it } from 'vitest';
import { decide } from '../../../functions/certificates/decide.ts';
import type { PhaseContext } from '../../../functions/certificates/phases/context.ts';
import { complete } from '../../../functions/certificates/phases/issuance.ts';
import type { CertificateState } from '../../../functions/certificates/state.ts';
import { applyWake } from '../../../functions/certificates/wakes.ts';
import { PerennialError } from '../../../shared/errors.ts';
import { hex, issuance, issued, NOW, state } from './states.ts';

const refuse = () => Promise.reject(new PerennialError('relay_offline', 'No relay.', { retryable: true }));

/** The context of a run in which nothing outside can be reached. */
function alone(present: CertificateState): PhaseContext {
  return {
    state: present,
    ports: {
      acme: {
        open: refuse,
        enter: refuse,
        leave: refuse,
        identity: refuse,
        renewalInfo: refuse,
        deactivatesAuthorizations: () => false,
        classify: () => 'internal',
      },
      dns: { preflight: refuse, place: refuse, present: refuse, propagation: refuse, cleanUp: refuse },
      relay: {
        createKey: refuse,
        removeKey: refuse,
        install: refuse,
        inspect: refuse,
        reload: refuse,
        verify: refuse,
        rollBack: refuse,
        signRevocation: refuse,
      },
    },
    clock: () => NOW,
    budget: { take: () => true },
    random: () => 0,
    newId: () => 'id',
    runner: 'runner',
    persist: () => undefined,
    event: () => undefined,
    session: refuse,
  };
}

describe('the end of an issuance', () => {
  const delivered = () =>
    state({ issuance: issuance({ issued: issued(), key: { cluster: 'matrix', csr: 'AAAA', spki: hex('d'), madeIn: 'matrix/allocation' } }) });

  it('makes its certificate the live one, whose window the CA is asked for next, even when the relay cannot be reached', async () => {
    const present = delivered();
    const entry = await complete(alone(present));
    expect(present).toMatchObject({
      issuance: null,
      live: { issuance: 'issuance-1', leaf: { sha256: hex('c') }, adopted: false },
      ari: { certId: 'aki.serial', nextCheckAt: NOW, selectedAt: null },
    });
    expect(entry).toMatchObject({ id: 'issuance-1', outcome: 'live', sha256: hex('c') });
  });

  it('satisfies whoever insisted while it was on its way: nothing is ordered a second time', async () => {
    const present = delivered();
    applyWake(present, 'force', NOW);
    await complete(alone(present));
    expect(decide(present, NOW).do).not.toBe('start');
  });
});
