/** The process environment of the relay; nothing else reads it. */
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PerennialError } from '../../shared/errors.ts';
import { parseLaw } from './law.ts';
import type { Law } from './law.ts';
import type { NomadAccess } from './nomad/client.ts';

type Variables = Readonly<Record<string, string | undefined>>;

/** Reads the law named by `PERENNIAL_RELAY_LAW`. Throws `relay_law_missing` and `relay_law_invalid`. */
export function lawFromEnvironment(env: Variables): Law {
  const path = env['PERENNIAL_RELAY_LAW'];
  if (path === undefined || path === '')
    throw new PerennialError('relay_law_missing', 'PERENNIAL_RELAY_LAW does not name a file.', { hint: 'The relay job of infra/nomad/ sets it.' });
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new PerennialError('relay_law_missing', `The law ${path} cannot be read.`, { cause });
  }
  return parseLaw(text);
}

/** Throws `relay_nomad_missing` when the environment lacks what the law's way to Nomad needs. */
export function nomadAccess(law: Law, env: Variables): NomadAccess {
  return { endpoint: endpointOf(law.nomad, env), token: () => tokenOf(env) };
}

function endpointOf(nomad: Law['nomad'], env: Variables): NomadAccess['endpoint'] {
  if (nomad.via === 'task-api') {
    const socketPath = nomad.socket ?? (env['NOMAD_SECRETS_DIR'] === undefined ? undefined : join(env['NOMAD_SECRETS_DIR'], 'api.sock'));
    if (socketPath === undefined) throw missing('NOMAD_SECRETS_DIR', 'Outside of a Nomad task use "nomad": { "via": "address" } in the law.');
    return { socketPath };
  }
  const address = nomad.address ?? env['NOMAD_ADDR'];
  if (address === undefined) throw missing('NOMAD_ADDR', 'Or write "address" into "nomad" of the law.');
  const caFile = nomad.caFile ?? env['NOMAD_CACERT'];
  return { address, ca: caFile === undefined || caFile === '' ? undefined : readFileSync(caFile, 'utf8') };
}

/** `NOMAD_TOKEN`, else the file that the task's identity block writes, read anew since it may be renewed. */
function tokenOf(env: Variables): string {
  const direct = env['NOMAD_TOKEN'];
  if (direct !== undefined && direct !== '') return direct;
  const secrets = env['NOMAD_SECRETS_DIR'];
  try {
    return secrets === undefined ? '' : readFileSync(join(secrets, 'nomad_token'), 'utf8').trim();
  } catch {
    return '';
  }
}

function missing(name: string, hint: string): PerennialError {
  return new PerennialError('relay_nomad_missing', `${name} is not set, so the relay does not know how to reach Nomad.`, { hint });
}

/** The allocation id, or a random name outside of Nomad. */
export function allocationOf(env: Variables): string {
  return env['NOMAD_ALLOC_ID'] ?? `local-${randomBytes(4).toString('hex')}`;
}

/** SHA-256 of the bundle that runs, or `development` when the sources run unbundled. */
export function bundleOf(moduleUrl: string): string {
  const file = fileURLToPath(moduleUrl);
  return file.endsWith('.mjs') ? createHash('sha256').update(readFileSync(file)).digest('hex') : 'development';
}
