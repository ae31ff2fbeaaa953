/**
 * `kill -9` in the middle of renewals: whatever a certificate was doing, it gets live with exactly one certificate issued,
 * the zone ends up without a challenge record, and what is somebody else's in it stays.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Installation } from './installation.ts';
import { ZONE } from '../../infra/demo/configuration.ts';

const STRANGERS = [
  { name: ZONE, type: 'A', content: '192.0.2.10' },
  { name: ZONE, type: 'TXT', content: '"v=spf1 -all"' },
  { name: `www.${ZONE}`, type: 'CNAME', content: ZONE },
  // Somebody else proves something at the very name that we use.
  { name: `_acme-challenge.workerd-validate.${ZONE}`, type: 'TXT', content: '"a-strangers-proof"' },
];
const PHASES = ['propagate', 'validate', 'install', 'verify'] as const;
type Held = (typeof PHASES)[number];
const VICTIMS = ['workerd', 'wrangler', 'relay'] as const;

let installation: Installation;
let strangers: unknown;

beforeAll(async () => {
  installation = await Installation.start({
    certificates: VICTIMS.flatMap((victim) => PHASES.map((phase) => `${victim}-${phase}`)),
    strangersRecords: STRANGERS,
  });
  strangers = installation.foreignRecords();
}, 120_000);

afterAll(async () => installation?.stop());

/** Keeps a certificate in a phase until the returned function is called. */
async function hold(name: string, phase: Held): Promise<() => Promise<void>> {
  const { dns } = installation.system;
  const challenge = `_acme-challenge.${name}.${ZONE}`;
  switch (phase) {
    case 'propagate': {
      const release = dns.world.faults.add({ kind: 'rcode', rcode: 'NXDOMAIN', server: 'ns2.test-dns.example', name: challenge });
      return async () => release();
    }
    case 'validate': {
      const release = dns.world.faults.add({ kind: 'slow', delayMs: 1_500, server: 'recursive', name: challenge, type: 'TXT' });
      return async () => release();
    }
    case 'install':
      // The write takes effect late, when whoever asked for it may be gone.
      installation.nomad.faults.next({ kind: 'slow', ms: 2_500 }, 1, ({ method, path }) => method === 'PUT' && path.endsWith(`/certificates/${name}`));
      return async () => undefined;
    case 'verify':
      await installation.proxy(name).misbehave({ kind: 'stuck' });
      return async () => installation.proxy(name).behave();
  }
}

/** Renews one certificate per phase and calls `strike` while each is held in its own. */
async function strikeInEveryPhase(victim: string, strike: () => Promise<void>): Promise<void> {
  const names = PHASES.map((phase) => ({ phase, name: `${victim}-${phase}` }));
  const issuedBefore = installation.issued();
  const before = await Promise.all(names.map(({ name }) => installation.view(name)));
  const releases = await Promise.all(names.map(({ name, phase }) => hold(name, phase)));
  // The install is held for a while only: it comes last.
  const [install, others] = [
    names.filter(({ phase }) => phase === 'install' || phase === 'validate'),
    names.filter(({ phase }) => phase === 'propagate' || phase === 'verify'),
  ];
  for (const group of [others, install]) {
    // oxlint-disable-next-line no-await-in-loop -- the second group starts when the first is held
    await Promise.all(
      group.map(async ({ name, phase }) => {
        await installation.force(name);
        await installation.untilPhase(name, phase);
      }),
    );
  }
  await strike();
  for (const release of releases) {
    // oxlint-disable-next-line no-await-in-loop -- immediate
    await release();
  }
  const after = await Promise.all(names.map(({ name }) => installation.untilLive(name, 60_000, 2)));

  for (const [index, view] of after.entries()) {
    expect(view.live?.sha256, view.name).not.toBe(before[index]?.live?.sha256);
    expect(view.history, view.name).toHaveLength(2);
    expect(installation.proxy(view.name).fingerprint, view.name).toBe(view.live?.sha256);
  }
  expect(installation.issued() - issuedBefore, 'certificates issued').toBe(PHASES.length);
  await expect.poll(() => installation.challengeRecords().map(({ content }) => content), { timeout: 15_000 }).toEqual(['"a-strangers-proof"']);
  expect(installation.foreignRecords()).toEqual(strangers);
}

describe('kill -9 while certificates are in every phase', () => {
  it('of the workerd that runs the Worker', async () => {
    await strikeInEveryPhase('workerd', async () => installation.killWorkerd());
  });

  it('of all of wrangler, with a restart on the same storage', async () => {
    const { worker } = installation.system;
    await strikeInEveryPhase('wrangler', async () => {
      await worker.kill();
      await worker.start();
    });
  });

  it('of the relay, with a restart', async () => {
    await strikeInEveryPhase('relay', async () => {
      await installation.relay.kill();
      await installation.relay.start();
    });
  });
});
