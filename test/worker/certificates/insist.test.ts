/** A person who asks for a certificate gets through to a CA that has refused the account; the clock does not. */
import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { expect, it } from 'vitest';
import type { OpenOptions } from '../../../functions/certificates/ports.ts';
import { reconcile } from '../../../functions/certificates/reconcile.ts';
import type { WakeReason } from '../../../functions/certificates/state.ts';
import { CertificateStore } from '../../../functions/certificates/store.ts';
import { PerennialError } from '../../../shared/errors.ts';
import { spec, World } from './world.ts';

it.each<[WakeReason, boolean]>([
  ['renew', true],
  ['force', true],
  ['sweep', false],
  ['relay-connected', false],
])('a wake by %s opens the session insisting: %s', async (reason, insisting) => {
  const world = new World();
  const asked: OpenOptions[] = [];
  await runInDurableObject(env.CERTIFICATES.getByName(`insist-${reason}`), async (_object, state) => {
    const store = new CertificateStore(state.storage);
    store.receive({ name: spec.name, spec, generation: 1, retired: false });
    store.takeReceived();
    const ports = world.ports();
    const run = () =>
      reconcile(
        {
          store,
          connect: () => ({
            ...ports,
            acme: {
              ...ports.acme,
              open(_authority, _nonce, options = {}) {
                asked.push(options);
                return Promise.reject(
                  new PerennialError('acme_account_stopped', 'The CA refuses our account.', { retryable: true, retryAt: world.now + 3_600_000 }),
                );
              },
            },
          }),
          spent: () => ({ dns: 0, relay: 0 }),
          clock: () => world.now,
          random: () => 0.5,
          newId: () => 'id',
          runner: 'runner',
          configuration: {
            valid: true,
            hash: 'h',
            configuration: { authorities: [], dns: [], clusters: [], certificates: [], records: [], resolvers: [], webhooks: [], secrets: { store: 'sealed' } },
          },
          onStep: () => undefined,
        },
        false,
      );
    await run();
    store.addWake(reason, world.now);
    world.now += insisting ? 0 : 48 * 3_600_000;
    await run();
  });
  expect(asked.map(({ insist }) => insist)).toEqual([false, insisting]);
  expect(asked.every(({ budget }) => budget !== undefined)).toBe(true);
});
