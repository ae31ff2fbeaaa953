/**
 * `npm run setup [-- --cluster <name>] [--origin <https://…>]`: makes the keys of a deployment on this machine and says
 * what to do with each. Files that exist are kept, so it may be run again, also for a further cluster.
 */
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import type { Configuration } from '../../functions/config/configuration.ts';
import { privateKeySchema } from '../../shared/link/signatures.ts';
import { readSource, ROOT } from '../build/source.ts';
import { keepOnce, type Kept } from './folder.ts';
import { makeAdminToken, makeSealingKey, makeSigningKey, publicHalf } from './keys.ts';
import { draftLaw, NAMECHEAP_VARIABLE } from './law.ts';

export interface SetupOptions {
  cluster: string;
  origin: string;
  folder: string;
  /** ISO date; part of the key ids. */
  today: string;
  environment: Readonly<Record<string, string | undefined>>;
}

/** Makes or keeps everything. @returns what to do, as text without any secret in it. */
export async function setUp({ cluster, origin, folder, today, environment }: SetupOptions): Promise<string> {
  const signingKey = async (kid: string) => JSON.stringify(await makeSigningKey(kid));
  const edge = await keepOnce(folder, 'edge-key.json', () => signingKey(`edge-${today}`));
  const sealing = await keepOnce(folder, 'sealing-key', makeSealingKey);
  const admin = await keepOnce(folder, 'admin-token', makeAdminToken);
  const relay = await keepOnce(folder, `relay-${cluster}.json`, () => signingKey(`relay-${today}`));

  const { compiled } = readSource(environment);
  const edgePublic = publicHalf(privateKeySchema.parse(JSON.parse(edge.text)));
  const relayPublic = publicHalf(privateKeySchema.parse(JSON.parse(relay.text)));
  const law = await keepOnce(folder, `law-${cluster}.json`, () =>
    JSON.stringify(draftLaw({ origin, cluster, edgeKey: edgePublic, configuration: compiled.valid ? compiled.configuration : null }), null, 2),
  );

  const show = ({ path, made }: Kept) => `${relative(process.cwd(), path)}${made ? '' : ' (was there, kept)'}`;
  const file = ({ path }: Kept) => relative(process.cwd(), path);
  return `Made on this machine, readable by you alone:
  ${[edge, sealing, admin, relay, law].map(show).join('\n  ')}

1. Worker secrets (each is asked for once; keep a copy of ${file(sealing)} in a safe place):
   npx wrangler secret put EDGE_KEY < ${file(edge)}
   npx wrangler secret put SEALING_KEY < ${file(sealing)}
   npx wrangler secret put ADMIN_TOKEN < ${file(admin)}

2. certificates.toml, the relay's public half:
   [clusters.${cluster}]
   keys = ["${relayPublic.kid}:${relayPublic.x}"]

3. The relay's private half, into its own Nomad variable:
   nomad var put nomad/jobs/relay identity=@${file(relay)}

4. The relay's law for the job file: read ${file(law)} and tighten it. It holds the edge's public half:
   ${JSON.stringify(edgePublic)}
   ${origin === ORIGIN_PLACEHOLDER ? `Replace ${ORIGIN_PLACEHOLDER} in it with the address of your Worker.\n   ` : ''}nomad job run -var origin=${origin} -var relay_sha256=$(curl -fsS ${origin}/relay/latest) -var "law=$(cat ${file(law)})" infra/nomad/relay.nomad.hcl

5. Secrets that certificates.toml refers to, once the Worker is deployed (npm run deploy):
   PERENNIAL_ORIGIN=${origin} npm run secret -- cloudflare-token
${namecheapStep(compiled.valid ? compiled.configuration : null, cluster, file(law))}
Delete ${file(edge)} and ${file(relay)} when both are stored; ${file(admin)} is read by npm run secret.
`;
}

/** What an account at Namecheap needs besides; empty without one. */
function namecheapStep(configuration: Configuration | null, cluster: string, law: string): string {
  const used = configuration?.dns.some((vendor) => vendor.provider === 'namecheap' && vendor.egress === cluster) ?? false;
  if (!used) return '';
  return `
6. Namecheap, whose key stays in the cluster: put it where the relay alone reads it, name your domains in ${law}
   ("namecheap"), and list the cluster's address at Namecheap (Profile, Tools, API Access):
   nomad var put ${NAMECHEAP_VARIABLE} key=@namecheap-key.txt
`;
}

const ORIGIN_PLACEHOLDER = 'https://perennial.example.workers.dev';

const USAGE = 'usage: npm run setup [-- --cluster <name>] [--origin <https://address of the Worker>]\n';

/** Undefined for what is no option, or no cluster and address. */
function readOptions(args: string[], environment: SetupOptions['environment']): Pick<SetupOptions, 'cluster' | 'origin'> | undefined {
  try {
    const { cluster = 'main', origin = environment['PERENNIAL_ORIGIN'] ?? ORIGIN_PLACEHOLDER } = parseArgs({
      args,
      options: { cluster: { type: 'string' }, origin: { type: 'string' } },
    }).values;
    return /^[a-z0-9][a-z0-9-]{0,62}$/.test(cluster) ? { cluster, origin: new URL(origin).origin } : undefined;
  } catch {
    return undefined;
  }
}

if (import.meta.main) {
  const options = readOptions(process.argv.slice(2), process.env);
  if (options === undefined) {
    process.stderr.write(USAGE);
    process.exitCode = 2;
  } else {
    const today = new Date().toISOString().slice(0, 10);
    process.stdout.write(await setUp({ ...options, folder: join(ROOT, '.perennial'), today, environment: process.env }));
  }
}
