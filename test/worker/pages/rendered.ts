/** Every page in a telling situation, as HTML by path: what the browser check of `test/e2e/page.test.ts` serves and opens. */
import { DAY, HOUR, MINUTE } from '../../../shared/clock.ts';
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
import {
  brandNew,
  drifted,
  failing,
  healthy,
  input,
  needsAttention,
  NOW,
  partlyLive,
  renewing,
  retired,
  revoked,
  revoking,
  rolledBack,
  troubledAuthorities,
  undelegated,
  waitingForInstance,
} from './samples.ts';
import { asDeclared, drifting, namecheap, refusing, stoppedZone, toApprove, waitingZone } from './zone-samples.ts';

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
  zones: [stoppedZone(), refusing()],
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
  '/mixed': status([needsAttention(), failing(), renewing(), partlyLive(), drifted(), waitingForInstance(), brandNew(), healthy(), retired()], troubles),
  '/many': status(many.slice(0, 25), { tally: tallyOf(many), paging: { number: 1, size: 25, total: 30, query: '' } }),
  '/zones-calm': status([healthy()], { zones: [asDeclared(), namecheap({ live: 1 })] }),
  '/zones-stopped': status([healthy()], { zones: [stoppedZone(), asDeclared()] }),
  '/zones-refusing': status([undelegated()], { zones: [refusing(), drifting()] }),
  '/zones-drifting': status([healthy()], { zones: [drifting()] }),
  '/zones-drifting-later': statusPage(statusModel(input([healthy()], { zones: [drifting()] }), NOW + 3 * DAY)),
  '/zones-waiting': status([renewing()], {
    zones: [waitingZone(), namecheap({ zoneName: 'unused.example', zoneId: 'ops/unused.example', lastSuccessAt: null })],
  }),
  '/zones-to-approve': status([healthy()], {
    zones: [toApprove()],
    notice: 'That was not the plan any more: the zone or the configuration has changed. Look at it again.',
  }),
  '/zones-plan-unreadable': status([healthy()], {
    zones: [{ ...toApprove(), plan: { ok: false, message: 'The relay of cluster main is not connected.', hint: 'Start its job.' } }],
  }),
  '/attention': status([needsAttention(), rolledBack(), revoked(), revoking(), healthy()], { authorities: troubledAuthorities() }),
  '/detail-attention': detail(needsAttention()),
  '/detail-revoked': detail(revoked()),
  '/detail-rolled-back': detail(rolledBack()),
  '/detail-revoking': detail(revoking()),
  '/detail-undelegated': detail(undelegated()),
  '/empty': status([], { clusters: [], authorities: [], zones: [], events: [] }),
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
