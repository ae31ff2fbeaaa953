/** The Worker: `wrangler dev` with a configuration of its own, local storage, and everything secret from the demo's state. */
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'smol-toml';
import { z } from 'zod';
import { build } from '../../build/build.ts';
import { ROOT } from '../../build/source.ts';
import { PerennialError } from '../../../shared/errors.ts';
import { lastLines } from '../logs.ts';
import { ask, type PartResponse } from '../request.ts';
import type { DemoSecrets, DemoState } from '../state.ts';
import { untilReady, type Child, type Supervisor } from '../supervisor.ts';

const START_TIMEOUT_MS = 120_000;
/** The first request waits until workerd has loaded the bundle, which takes long on a busy machine. */
const FIRST_REQUEST_TIMEOUT_MS = 60_000;

/** Longer than any pause of a Worker that is well. */
const ANSWER_TIMEOUT_MS = 10_000;

const WRANGLER = join(ROOT, 'node_modules/wrangler/bin/wrangler.js');
/** PEM that workerd trusts beside the public roots, in the demo's state. */
const TRUSTED = 'worker/loopback-ca.pem';

const wranglerSchema = z.looseObject({
  main: z.string(),
  tsconfig: z.string().default('tsconfig.worker.json'),
  triggers: z.object({ crons: z.array(z.string()).min(1) }),
});

export interface WorkerOptions {
  supervisor: Supervisor;
  state: DemoState;
  secrets: DemoSecrets;
  /** Text of the `certificates.toml` to build in. */
  configuration: string;
  /** PEM that its outgoing TLS trusts beside the public roots. */
  ca: string;
  /** Asked for when everything is built, so that nobody takes the port in the meantime. */
  reservePort(): Promise<number>;
  environment: Readonly<Record<string, string | undefined>>;
  /** Entry of the Worker in place of the one in `wrangler.toml`, for a Worker with routes of its own; named `index.ts` as well. */
  main?: string;
}

export interface WorkerPart {
  readonly child: Child;
  readonly origin: string;
  /** A request to the Worker, with the administrator's token. */
  ask(method: string, path: string, body?: unknown): Promise<PartResponse>;
  /** Whether it answers anything at all within seconds. */
  answers(): Promise<boolean>;
  /** Runs the cron handler as Cloudflare does. */
  cron(): Promise<void>;
  /** Ends all of wrangler and workerd as `kill -9` does. */
  kill(): Promise<void>;
  /** Worker secrets and variables from the next start on; null takes one away. */
  set(variables: Readonly<Record<string, string | null>>): void;
  /** Starts again on the same port and storage, with another configuration when one is given. */
  start(configuration?: string): Promise<void>;
  stop(): Promise<void>;
}

/** Where the build leaves the relay that this Worker serves. */
export function relayBundle(state: DemoState): string {
  return state.path('worker', 'relay.mjs');
}

/** SHA-256 of that relay, as the Worker serves it. */
export function bundleHash(state: DemoState): string {
  return z.object({ sha256: z.string() }).parse(JSON.parse(readFileSync(state.path('worker', 'build', 'relay.json'), 'utf8'))).sha256;
}

/**
 * Compiles the configuration, bundles the relay, and bundles the Worker as a deployment does, so that what runs does not
 * change below a renewal when somebody edits a source file. Throws `demo_build_failed`.
 */
async function buildWorker(options: WorkerOptions, configuration: string): Promise<void> {
  const { state, supervisor } = options;
  const source = state.write('worker/certificates.toml', configuration);
  const folder = state.path('worker', 'build');
  const code = await build({ PERENNIAL_CONFIG: source, PERENNIAL_BUILD_DIR: folder, WRANGLER_COMMAND: 'dev' });
  if (code !== 0) throw new PerennialError('demo_build_failed', 'The Worker could not be built; see the messages above.');
  state.write('worker/relay.mjs', readFileSync(join(folder, 'relay.txt'), 'utf8'));

  const { tsconfig, ...rest } = repositoryConfiguration();
  const alias = {
    'perennial:configuration': join(folder, 'configuration.json'),
    'perennial:relay-bundle': join(folder, 'relay.txt'),
    'perennial:relay-bundle-facts': join(folder, 'relay.json'),
  };
  const config = state.write('worker/bundle.toml', stringify({ ...rest, main: options.main ?? join(ROOT, rest.main), alias }));
  const child = await supervisor.start('bundler', {
    command: process.execPath,
    arguments: [WRANGLER, 'deploy', '--dry-run', '--config', config, '--tsconfig', join(ROOT, tsconfig), '--outdir', state.path('worker', 'bundle')],
    folder: ROOT,
    environment: wranglerEnvironment(options),
    ends: true,
  });
  const how = await child.exited;
  if (how !== 'ended with exit code 0')
    throw new PerennialError('demo_build_failed', `Wrangler could not bundle the Worker:\n${lastLines(child.log, 15)}`.slice(0, 2_000), {
      hint: `The whole log: ${child.log}`,
    });
}

export async function startWorker(options: WorkerOptions): Promise<WorkerPart> {
  const { supervisor, state, secrets } = options;
  await buildWorker(options, options.configuration);
  const port = await options.reservePort();
  const { triggers, main: _main, tsconfig: _tsconfig, ...rest } = repositoryConfiguration();
  const [cron = ''] = triggers.crons;
  const configPath = state.write('worker/wrangler.toml', stringify({ ...rest, triggers, main: state.path('worker', 'bundle', 'index.js'), no_bundle: true }));
  let variables: Record<string, string | null> = {
    SEALING_KEY: secrets.sealingKey,
    EDGE_KEY: JSON.stringify(secrets.edgeKey),
    ADMIN_TOKEN: secrets.adminToken,
  };
  const writeVariables = () => state.write('worker/.dev.vars', devVariables(variables));
  writeVariables();
  state.write(TRUSTED, options.ca);
  const origin = `http://127.0.0.1:${port}`;
  mkdirSync(state.path('worker', 'storage'), { recursive: true, mode: 0o700 });

  const flags = Object.entries({
    '--config': configPath,
    '--ip': '127.0.0.1',
    '--port': String(port),
    '--inspector-port': '0',
    '--persist-to': state.path('worker', 'storage'),
    '--show-interactive-dev-session': 'false',
    '--log-level': 'info',
  }).flat();

  async function run(): Promise<Child> {
    const child = await supervisor.start('worker', {
      command: process.execPath,
      arguments: [WRANGLER, 'dev', '--local', ...flags],
      folder: ROOT,
      environment: wranglerEnvironment(options),
    });
    await untilReady(child, async () => (await ask(`${origin}/healthz`, { timeoutMs: FIRST_REQUEST_TIMEOUT_MS })).status < 500, START_TIMEOUT_MS);
    return child;
  }

  let child = await run();
  return {
    get child() {
      return child;
    },
    origin,
    ask: (method, path, body) =>
      ask(`${origin}${path}`, {
        method,
        headers: { authorization: `Bearer ${secrets.adminToken}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        timeoutMs: 30_000,
      }),
    answers: async () =>
      await ask(`${origin}/healthz`, { timeoutMs: ANSWER_TIMEOUT_MS }).then(
        () => true,
        () => false,
      ),
    cron: async () => {
      const { status, body } = await ask(`${origin}/cdn-cgi/local/scheduled?cron=${encodeURIComponent(cron).replaceAll('%20', '+')}`, { timeoutMs: 60_000 });
      if (status !== 200)
        throw new PerennialError('demo_cron_failed', `The cron handler answered ${status}: ${body.slice(0, 300)}`, { hint: `See ${child.log}` });
    },
    kill: async () => {
      const ended = child.stop();
      child.signal('SIGKILL');
      await ended;
    },
    set: (change) => {
      variables = { ...variables, ...change };
      writeVariables();
    },
    start: async (configuration) => {
      if (configuration !== undefined) await buildWorker(options, configuration);
      if (!child.running) child = await run();
    },
    stop: () => child.stop(),
  };
}

/** The repository's `wrangler.toml` without its build step, which has run already, and without what depends on its place. */
function repositoryConfiguration(): z.infer<typeof wranglerSchema> {
  const { build: _build, alias: _alias, ...rest } = wranglerSchema.parse(parse(readFileSync(join(ROOT, 'wrangler.toml'), 'utf8')));
  return rest;
}

/** Nothing of the user's environment but what a program needs to run: no Cloudflare account, no proxy for the loopback. */
function wranglerEnvironment({ environment, state }: WorkerOptions): Record<string, string | undefined> {
  return {
    PATH: environment['PATH'],
    HOME: environment['HOME'],
    TMPDIR: environment['TMPDIR'],
    LANG: environment['LANG'],
    XDG_CONFIG_HOME: state.path('worker', 'config'),
    NODE_EXTRA_CA_CERTS: state.path(TRUSTED),
    NODE_NO_WARNINGS: '1',
    NO_COLOR: '1',
    CI: '1',
    // Where the machine stands is nobody's business here, and asking would need a network.
    CLOUDFLARE_CF_FETCH_ENABLED: 'false',
    WRANGLER_SEND_METRICS: 'false',
    WRANGLER_SEND_ERROR_REPORTS: 'false',
    WRANGLER_HIDE_BANNER: 'true',
    WRANGLER_NO_SKILLS_UPDATE_PROMPTS: 'true',
    WRANGLER_WRITE_LOGS: 'false',
    WRANGLER_REGISTRY_PATH: state.path('worker', 'registry'),
  };
}

/** `.dev.vars` is dotenv: single quotes keep JSON as it is. */
function devVariables(values: Readonly<Record<string, string | null>>): string {
  return Object.entries(values)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `${name}='${value}'\n`)
    .join('');
}
