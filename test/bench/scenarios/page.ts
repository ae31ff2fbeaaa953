/**
 * The status page of a large deployment (DESIGN §13). Ten thousand certificates report into FleetObject through its own
 * port, inside workerd, and then the page is asked for as an administrator sees it.
 */
import { demoConfiguration } from '../../../infra/demo/configuration.ts';
import { startWorker, type WorkerPart } from '../../../infra/demo/parts/worker.ts';
import { Ports } from '../../../infra/demo/ports.ts';
import { publicHalf } from '../../../infra/demo/state.ts';
import { PerennialError } from '../../../shared/errors.ts';
import { createLoopbackTls } from '../../emulators/acme/loopback-tls.ts';
import type { Bench, Scenario } from '../bench.ts';
import type { Figure } from '../figure.ts';
import { BENCH_WORKER, inWorkshop, type Workshop } from '../laboratory.ts';

const CERTIFICATES = 10_000;
const REPORTS_PER_CALL = 500;
/** Rows on one page of the list. */
const PAGE_SIZE = 25;
const LOOKS = 60;
const NOTE =
  'As the client sees it, one connection for each look: the server\'s time, and on top of it the way through wrangler\'s own proxy (the row "smallest answer").';

export const page: Scenario = {
  name: 'page',
  about: `the status page with ${CERTIFICATES} certificates`,
  run: async (bench) => {
    await bench.close();
    bench.options.say(`Starting a Worker with ${CERTIFICATES} certificates ...`);
    return await inWorkshop(bench.options.say, async (workshop) => {
      const worker = await start(bench, workshop);
      await fill(bench, worker);
      return await look(bench, worker);
    });
  },
};

/** Nothing is issued: the configuration's one certificate waits for a relay that never comes. */
async function start(bench: Bench, { state, supervisor }: Workshop): Promise<WorkerPart> {
  const secrets = await state.secrets();
  const configuration = demoConfiguration({
    directory: 'https://127.0.0.1:1/dir',
    cloudflareUrl: 'http://127.0.0.1:1/client/v4',
    namecheapUsers: [],
    resolvers: ['one', 'two'].map((name) => ({ name, url: 'http://127.0.0.1:1/dns-query' })),
    relayKey: publicHalf(secrets.relayKey),
    certificates: [{ name: 'configured', domains: ['configured.example.net'] }],
  });
  const { caPem } = await createLoopbackTls();
  const ports = new Ports(bench.options.say);
  return await startWorker({
    supervisor,
    state,
    secrets,
    configuration,
    ca: caPem,
    reservePort: () => ports.reserve(0, 'the status page'),
    environment: bench.options.environment,
    main: BENCH_WORKER,
  });
}

async function fill(bench: Bench, worker: WorkerPart): Promise<void> {
  for (let from = 0; from < CERTIFICATES; from += REPORTS_PER_CALL) {
    bench.options.signal.throwIfAborted();
    // One slice after the other.
    // oxlint-disable-next-line no-await-in-loop
    const { status, body } = await worker.ask('POST', '/bench/reports', { from, to: from + REPORTS_PER_CALL });
    if (status !== 204) throw new PerennialError('bench_not_filled', `Reports were answered ${status}: ${body.slice(0, 300)}`);
  }
}

async function look(bench: Bench, worker: WorkerPart): Promise<Figure[]> {
  const time = async (path: (look: number) => string): Promise<number[]> => {
    const samples: number[] = [];
    for (let index = 0; index < LOOKS; index += 1) {
      bench.options.signal.throwIfAborted();
      const begun = performance.now();
      // One look after the other.
      // oxlint-disable-next-line no-await-in-loop
      const { status, body } = await worker.ask('GET', path(index));
      samples.push(performance.now() - begun);
      if (status !== 200) throw new PerennialError('bench_page_failed', `${path(index)} was answered ${status}: ${body.slice(0, 300)}`);
    }
    return samples;
  };
  const budget = { of: 'p95', most: 150 } as const;
  const pages = Math.ceil(CERTIFICATES / PAGE_SIZE);
  const { status, body } = await worker.ask('GET', '/');
  if (status !== 200 || !body.includes('bench-'))
    throw new PerennialError('bench_page_failed', `The page was answered ${status} and does not show the certificates.`);
  return [
    { what: `first page of ${CERTIFICATES}`, unit: 'ms', samples: await time(() => '/'), budget, note: NOTE },
    { what: 'any page', unit: 'ms', samples: await time((index) => `/?page=${1 + ((index * 37) % pages)}`), budget, note: NOTE },
    { what: 'a search', unit: 'ms', samples: await time((index) => `/?q=bench-${index * 100}`), budget, note: NOTE },
    { what: 'the sign-in page', unit: 'ms', samples: await time(() => '/login'), budget: null },
    { what: 'smallest answer', unit: 'ms', samples: await time(() => '/healthz'), budget: null },
  ];
}
