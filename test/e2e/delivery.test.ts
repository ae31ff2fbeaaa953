/**
 * The last leg on real processes: verdicts are shown as what they are and never lead to an order, several deliveries each
 * have their own, nobody's edit is overwritten unseen, and traffic goes on while certificates change below it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { parse, stringify } from 'smol-toml';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { ZONE } from '../../infra/demo/configuration.ts';
import { Load } from '../../infra/demo/load.ts';
import { readVariable } from '../../infra/demo/parts/nomad.ts';
import type { Misbehaviour } from '../emulators/proxy/stand-in.ts';
import { Installation, wishFor } from './installation.ts';

const VERDICTS: Record<'unreachable' | 'cut' | 'default' | 'old' | 'foreign', Misbehaviour> = {
  unreachable: { kind: 'refuse' },
  cut: { kind: 'cut' },
  default: { kind: 'default' },
  old: { kind: 'stuck' },
  foreign: { kind: 'foreign', names: ['stranger.example'] },
};
const NAMES = Object.keys(VERDICTS);

let installation: Installation;

const documentSchema = z.looseObject({ certificates: z.array(z.looseObject({ name: z.string(), deliver: z.array(z.looseObject({})) })) });

/** The certificate `twice` goes to a second variable, which a second service serves; `taken-back` may be rolled back. */
function withOptions(text: string): string {
  const document = documentSchema.parse(parse(text));
  const { variable, service } = wishFor('second');
  for (const { name, deliver } of document.certificates) {
    const [first] = deliver;
    if (first === undefined) continue;
    if (name === 'twice') deliver.push({ ...first, variable, service });
    if (name === 'taken-back') first['rollback'] = true;
  }
  return stringify(document);
}

beforeAll(async () => {
  installation = await Installation.start({
    certificates: [...NAMES, 'none', 'twice', 'edited', 'drifting', 'lost', 'swapped', 'taken-back'],
    proxies: ['second'],
    toml: withOptions,
    law: (law) => ({ ...law, targets: [...law.targets, { variable: wishFor('second').variable, namespace: 'default', names: [...wishFor('twice').domains] }] }),
  });
}, 120_000);

afterAll(async () => installation?.stop());

async function variableOf(name: string): Promise<{ modifyIndex: number; items: Record<string, string> }> {
  const variable = await readVariable(installation.system.nomad, wishFor(name).variable);
  if (variable === undefined) throw new Error(`The variable of ${name} does not exist.`);
  return variable;
}

describe('what the dials say', () => {
  it.each(Object.entries(VERDICTS))(
    'shows %s as what it is, orders nothing again, and is live by itself when the proxy behaves',
    async (verdict, misbehaviour) => {
      const issued = installation.issued();
      await installation.proxy(verdict).misbehave(misbehaviour);
      await installation.force(verdict);
      const held = await installation.until(
        verdict,
        `seen as ${verdict}`,
        ({ phase, deliveries }) => phase === 'verify' && deliveries.some(({ instances }) => instances.some((instance) => instance.verdict === verdict)),
      );
      expect(held.state).toBe(verdict === 'unreachable' ? 'partly-live' : 'renewing');
      expect(held.issuance).not.toBeNull();
      expect(held.nextAt).not.toBeNull();
      expect(verdict === 'unreachable' ? held.reason : held.waitingFor).toContain(`${verdict}: 1`);

      await installation.proxy(verdict).behave();
      const live = await installation.untilLive(verdict, 30_000, 2);
      expect(live.deliveries[0]?.instances.map((instance) => instance.verdict)).toEqual(['new']);
      expect(installation.issued() - issued).toBe(1);
      expect(live.history[0]?.sha256).toBe(live.live?.sha256);
    },
  );

  it('waits for an instance where there is none, and is live by itself when one comes', async () => {
    const { id, name, address, port, jobId, allocationId } = installation.proxy('none').service;
    installation.nomad.workloads.deregister(id);
    await installation.force('none');
    const waiting = await installation.until('none', 'waiting for an instance', ({ deliveries }) => deliveries[0]?.state === 'waiting-for-instance');
    expect(waiting.state).toBe('waiting');
    expect(waiting.deliveries[0]?.failure?.hint).toContain('Start the proxy job');
    installation.nomad.workloads.register({ name, address, port, jobId, allocationId });
    await installation.untilLive('none', 30_000, 2);
  });
});

describe('a certificate with several deliveries', () => {
  it('is live when all are, shows a verdict for each, and is ordered once', async () => {
    const issued = installation.issued();
    await installation.proxy('second').misbehave({ kind: 'default' });
    await installation.force('twice');
    const half = await installation.until(
      'twice',
      'live in one place',
      ({ issuance, deliveries }) => issuance !== null && deliveries[0]?.state === 'live' && deliveries[1]?.instances[0]?.verdict === 'default',
    );
    expect(half.state).toBe('renewing');
    expect(half.live?.sha256).not.toBe(half.deliveries[0]?.sha256);
    expect(half.deliveries.map(({ variable }) => variable)).toEqual([wishFor('twice').variable, wishFor('second').variable]);

    await installation.proxy('second').behave();
    const live = await installation.untilLive('twice', 30_000, 2);
    expect(live.deliveries.map(({ state, sha256 }) => ({ state, sha256 }))).toEqual([0, 1].map(() => ({ state: 'live', sha256: live.live?.sha256 })));
    expect(installation.issued() - issued).toBe(1);
  });
});

describe('a pair that the proxy cannot serve', () => {
  it('is taken back, with everything else in the variable, and the certificate before is served again', async () => {
    const issued = installation.issued();
    const proxy = installation.proxy('taken-back');
    const { variable } = wishFor('taken-back');
    const before = proxy.fingerprint;
    installation.nomad.variables.put('default', variable, { ...(await variableOf('taken-back')).items, motd: 'by a person' }, undefined);
    await proxy.misbehave({ kind: 'fixed' });
    await installation.force('taken-back');
    await installation.until('taken-back', 'cut off', ({ deliveries }) => deliveries[0]?.instances[0]?.verdict === 'cut');
    const back = await installation.until(
      'taken-back',
      'taken back',
      ({ issuance, deliveries, history }) => issuance === null && history.length === 2 && deliveries[0]?.state === 'live',
      60_000,
    );
    expect(proxy.fingerprint).toBe(before);
    expect([back.live?.sha256, back.deliveries[0]?.sha256]).toEqual([before, before]);
    expect(back.history[0]).toMatchObject({ outcome: 'failed' });
    expect(back.history[0]?.message).toContain('was rolled back');
    expect((await variableOf('taken-back')).items).toMatchObject({ motd: 'by a person' });
    expect(installation.issued() - issued).toBe(1);
  });
});

describe('the variable', () => {
  it('keeps items of others through a renewal, even when one is written between read and write', async () => {
    const { variable } = wishFor('edited');
    const { items } = await variableOf('edited');
    installation.nomad.variables.put('default', variable, { ...items, motd: 'by a person' }, undefined);
    const withdraw = betweenReadAndWrite(variable, () => {
      const now = installation.nomad.variables.get('default', variable);
      installation.nomad.variables.put('default', variable, { ...now?.items, late: 'in between' }, undefined);
    });
    await installation.force('edited');
    const live = await installation.untilLive('edited', 30_000, 2);
    withdraw();
    const after = await variableOf('edited');
    expect(after.items).toMatchObject({ motd: 'by a person', late: 'in between' });
    expect(installation.proxy('edited').fingerprint).toBe(live.live?.sha256);
  });

  it('is left alone when a person puts another pair there between read and write, until a person asks for ours', async () => {
    const issued = installation.issued();
    const { variable } = wishFor('drifting');
    const { certificate = '', key = '' } = (await variableOf('swapped')).items;
    const withdraw = betweenReadAndWrite(variable, () => installation.nomad.variables.put('default', variable, { certificate, key }, undefined));
    await installation.force('drifting');
    const drift = await installation.until('drifting', 'found to have drifted', ({ deliveries }) => deliveries[0]?.state === 'drift');
    withdraw();
    expect(drift.reason).toContain('holds a pair that Perennial did not put there');
    expect(drift.deliveries[0]?.failure?.hint).toContain('Redeliver');
    expect((await variableOf('drifting')).items).toEqual({ certificate, key });

    await installation.redeliver('drifting');
    const live = await installation.untilLive('drifting', 30_000, 2);
    expect(installation.proxy('drifting').fingerprint).toBe(live.live?.sha256);
    expect(installation.issued() - issued).toBe(1);
  });

  it('does not take the lost reply to its own write for an edit of somebody else', async () => {
    const issued = installation.issued();
    const { variable } = wishFor('lost');
    const { modifyIndex } = await variableOf('lost');
    installation.nomad.faults.next({ kind: 'cut-after' }, 1, ({ method, path }) => method === 'PUT' && path.endsWith(`/${variable}`));
    await installation.force('lost');
    const live = await installation.untilLive('lost', 30_000, 2);
    expect(live.deliveries[0]?.failure).toBeNull();
    expect((await variableOf('lost')).modifyIndex).toBeGreaterThan(modifyIndex);
    expect(installation.issued() - issued).toBe(1);
  });
});

/** Runs `edit` once, when the relay's write is about to be applied. */
function betweenReadAndWrite(variable: string, edit: () => void): () => void {
  let done = false;
  installation.nomad.faults.next({ kind: 'slow', ms: 0 }, 1, ({ method, path }) => {
    const hit = !done && method === 'PUT' && path.endsWith(`/${variable}`);
    if (hit) {
      done = true;
      edit();
    }
    return hit;
  });
  return () => installation.nomad.faults.clear();
}

describe('a swap under load', () => {
  it('fails no request, on new and on kept connections', async () => {
    const { port } = installation.proxy('swapped');
    const load = new Load({ address: '127.0.0.1', port, name: `swapped.${ZONE}`, roots: installation.system.roots, newEveryMs: 10, keptEveryMs: 10 });
    try {
      await installation.force('swapped');
      await installation.untilLive('swapped', 30_000, 2);
      // Both kinds of connection go on with the new certificate in place.
      await sleep(500);
    } finally {
      const { fresh, kept, failed, firstFailure, byLeaf } = await load.stop();
      expect({ failed, firstFailure }).toEqual({ failed: 0, firstFailure: undefined });
      expect(fresh).toBeGreaterThan(20);
      expect(kept).toBeGreaterThan(20);
      expect(Object.keys(byLeaf)).toHaveLength(2);
    }
  });
});
