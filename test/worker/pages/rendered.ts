/** Every page in a telling situation, as HTML by path: what the browser check of `test/e2e/page.test.ts` serves and opens. */
import { HOUR, MINUTE, SECOND } from '../../../shared/clock.ts';
import {
  certificateModel,
  certificatePage,
  errorPage,
  loginPage,
  notFoundPage,
  PAGE_ASSETS,
  PAGE_HEADERS,
  publicPage,
  statusModel,
  statusPage,
  tallyOf,
  type Page,
  type StatusInput,
} from '../../../functions/web/pages/index.ts';
import { brandNew, drifted, failing, healthy, input, NOW, partlyLive, renewing, retired, waitingForInstance } from './samples.ts';

const status = (certificates: Parameters<typeof input>[0], overrides: Partial<StatusInput> = {}): Page =>
  statusPage(statusModel(input(certificates, overrides), NOW));
const detail = (view: ReturnType<typeof healthy>): Page => certificatePage(certificateModel(view, NOW), NOW);
const many = Array.from({ length: 30 }, (_, index) => healthy(`service-with-a-long-name-${index}`, (index * 7) % 59));

const troubles: Partial<StatusInput> = {
  notice: 'mail is tried again now.',
  clusters: [
    ...input([]).clusters,
    {
      cluster: 'backup',
      state: 'silent',
      since: NOW - 2 * MINUTE,
      relays: [{ allocation: '9b1c22aa-4c1d', lastSeenAt: NOW - 2 * MINUTE, contract: 2, bundle: 'd'.repeat(64), skewMs: -5_400 }],
    },
    { cluster: 'lab', state: 'too-old', since: NOW - 3 * HOUR, relays: [] },
  ],
  zones: [
    {
      zone: 'example.net',
      vendor: 'cloudflare',
      lastSuccessAt: NOW - 25 * HOUR,
      lastError: { at: NOW - 40 * SECOND, message: 'The token may not edit DNS.', hint: 'Give it Zone:DNS:Edit.' },
    },
  ],
  configuration: {
    lastGoodInForce: true,
    problems: [{ line: 12, column: 11, path: 'certificates[0].deliver[0].cluster', message: 'Unknown cluster "matirx". Write cluster = "matrix".' }],
  },
  setup: [{ what: 'AWS_SECRET_ACCESS_KEY is missing.', why: 'The secret store cannot be opened.', command: 'npx wrangler secret put AWS_SECRET_ACCESS_KEY' }],
};

const pages: Record<string, Page> = {
  '/one': status([healthy()]),
  '/two': status([healthy(), healthy('homeserver', 0)]),
  '/renewing': status([healthy(), renewing()]),
  '/mixed': status([failing(), renewing(), partlyLive(), drifted(), waitingForInstance(), brandNew(), healthy(), retired()], troubles),
  '/many': status(many.slice(0, 25), { tally: tallyOf(many), paging: { number: 1, size: 25, total: 30, query: '' } }),
  '/empty': status([], { clusters: [], zones: [], events: [] }),
  '/detail': detail(partlyLive()),
  '/detail-failing': detail(failing()),
  '/detail-renewing': detail(renewing()),
  '/public-well': publicPage('well'),
  '/public-failing': publicPage('failing'),
  '/login': loginPage('That token does not open this page.'),
  '/not-found': notFoundPage(),
  '/error': errorPage('8f2c'),
};

export const rendered = {
  pages: Object.fromEntries(Object.entries(pages).map(([path, page]) => [path, page.toString()])),
  assets: PAGE_ASSETS,
  headers: PAGE_HEADERS,
};
