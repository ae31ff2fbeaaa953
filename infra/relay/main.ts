/**
 * The relay's entry: reads its law, its key and its environment, runs until SIGTERM or SIGINT. Exit code 1 with every
 * problem named when it cannot start; Nomad restarts it then.
 */
import './memory.ts';
import { toPerennialError } from '../../shared/errors.ts';
import { allocationOf, bundleOf, lawFromEnvironment, nomadAccess } from './environment.ts';
import { readIdentity } from './identity.ts';
import { createLog } from './log.ts';
import { NomadClient } from './nomad/client.ts';
import { NomadVariables } from './nomad/variables.ts';
import { createRelay } from './relay.ts';

const log = createLog(Date.now, (text) => process.stdout.write(text));

async function main(): Promise<void> {
  const law = lawFromEnvironment(process.env);
  const nomad = new NomadClient(nomadAccess(law, process.env));
  const identity = await readIdentity(law.identity, new NomadVariables(nomad));
  const relay = createRelay({
    law,
    identity,
    nomad,
    allocation: allocationOf(process.env),
    bundle: bundleOf(import.meta.url),
    clock: Date.now,
    monotonic: () => performance.now(),
    random: Math.random,
    log,
  });
  const stop = async () => {
    log({ event: 'stopping' });
    await relay.stop();
    log({ event: 'stopped' });
    process.exit(0);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void stop());
  relay.start();
  log({ event: 'started', message: `Relay of cluster ${law.cluster}, edge ${law.origin}, bundle ${bundleOf(import.meta.url)}.` });
}

main().catch((thrown: unknown) => {
  const error = toPerennialError(thrown, 'relay_start_failed', 'The relay could not start.');
  log({ event: 'failed', code: error.code, message: error.message, hint: error.hint });
  process.exitCode = 1;
});
