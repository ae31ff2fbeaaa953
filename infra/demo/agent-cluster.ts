/** The cluster as a real Nomad agent: the shipped policy, and the shipped jobs whose tasks are the relay and Traefik. */
import { join } from 'node:path';
import { PerennialError } from '../../shared/errors.ts';
import { ROOT } from '../build/source.ts';
import type { Cluster, ClusterOptions } from './cluster.ts';
import { findExecutable } from './executables.ts';
import { applyPolicy, connectToNomad, IDENTITY, runJob, stopJobs, taskOutput } from './parts/nomad-agent.ts';
import { PROXY_JOB, putItem, readVariable, RELAY_JOB } from './parts/nomad.ts';

export async function startAgentCluster(options: ClusterOptions): Promise<Cluster> {
  const { state, supervisor, environment, ports, say } = options;
  const nomad = await connectToNomad(environment);
  const traefik = findExecutable('TRAEFIK_BIN', 'traefik', environment);
  if (traefik === undefined)
    throw new PerennialError('demo_no_traefik', 'With a Nomad agent the shipped proxy job runs Traefik, which is not on PATH.', {
      hint: 'Put traefik on PATH or name it in TRAEFIK_BIN.',
    });
  if ((await readVariable(nomad, IDENTITY.variable)) === undefined && state.has('worker/storage')) {
    say('This agent has never seen the demo, so the Worker starts without what it remembers of another one.');
    state.remove('worker/storage');
  }
  supervisor.onDeath(state.write('nomad-farewell.sh', `exec '${process.execPath}' --no-warnings '${join(ROOT, 'infra/demo/parts/nomad-farewell.ts')}'\n`));
  const stop = (): Promise<void> => stopJobs(nomad, [RELAY_JOB, PROXY_JOB]);
  try {
    await applyPolicy(nomad);
    await runJob(nomad, PROXY_JOB, { driver: 'raw_exec', traefik, https_port: await ports.reserve(options.proxyPort, 'the TLS proxy') });
  } catch (error) {
    await stop().catch(() => undefined);
    throw error;
  }
  say(`Nomad: the agent at ${nomad.address}, with the shipped policy; its job "proxy" runs Traefik once there is a certificate`);
  return {
    nomad,
    proxy: { kind: 'traefik', stop: async () => undefined },
    startRelay: async ({ law, sha256 }) => {
      await putItem(nomad, IDENTITY.variable, IDENTITY.item, JSON.stringify(law.identityKey));
      await runJob(nomad, RELAY_JOB, {
        driver: 'raw_exec',
        node: process.execPath,
        origin: law.origin,
        relay_sha256: sha256,
        law: JSON.stringify(law.document(IDENTITY, { via: 'task-api' })),
      });
      say('Relay: the job "relay", whose artifact comes from the Worker under its checksum');
      return { output: () => taskOutput(nomad, RELAY_JOB, 'relay'), stop: async () => undefined };
    },
    stop,
  };
}
