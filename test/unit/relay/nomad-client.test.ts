import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NomadClient } from '../../../infra/relay/nomad/client.ts';
import { startNomad } from '../../emulators/nomad/nomad.ts';
import type { NomadEmulator } from '../../emulators/nomad/nomad.ts';

let nomad: NomadEmulator;
let client: NomadClient;
beforeEach(async () => {
  nomad = await startNomad();
  client = new NomadClient({ endpoint: { address: nomad.address }, token: () => nomad.managementToken });
});
afterEach(async () => {
  client.close();
  await nomad.stop();
});

const read = (signal?: AbortSignal) => client.call({ method: 'GET', path: '/v1/var/nomad/jobs/proxy', capability: 'read on nomad/jobs/proxy', signal });

describe('a Nomad that gives no answer', () => {
  it('is called silent when it took the request (an agent that is paused or busy)', async () => {
    nomad.faults.next({ kind: 'slow', ms: 5_000 });
    await expect(read(AbortSignal.timeout(50))).rejects.toMatchObject({ code: 'nomad_unavailable', retryable: true, message: 'Nomad did not answer in time.' });
  });

  it('is called unreachable when nobody listens, with what to look at', async () => {
    await nomad.stop();
    await expect(read()).rejects.toMatchObject({
      code: 'nomad_unavailable',
      retryable: true,
      message: 'Nomad could not be reached (ECONNREFUSED).',
      hint: expect.stringContaining('NOMAD_ADDR'),
    });
  });
});
