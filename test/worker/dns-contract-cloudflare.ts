/** The stage of the zone contract at Cloudflare: a ZoneObject inside workerd, with the emulator's routes behind its fetch. */
import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { MINUTE } from '../../shared/clock.ts';
import { zoneDependencies } from '../../functions/dns/wiring.ts';
import type { DnsVendor } from '../../functions/config/configuration.ts';
import type { Play, ZoneStage } from '../contracts/dns-zone.ts';
import { Tokens } from '../emulators/cloudflare/access.ts';
import { cloudflareApp } from '../emulators/cloudflare/app.ts';
import { ApiFaults } from '../emulators/cloudflare/faults.ts';
import { RequestLog } from '../emulators/cloudflare/request-log.ts';
import { txtStrings } from '../emulators/cloudflare/txt-content.ts';
import { Zone } from '../emulators/cloudflare/zones.ts';
import { LivingZone } from './dns-contract-zone.ts';

const TOKEN = 'token-for-one-zone-0123456789-0123456789';
const REVOKED = 'token-that-was-revoked-0123456789-0123456';
/** Characters of all TXT values at one name together. */
const MAX_COMBINED = 8_192;
const LONG = 250;

export const VENDOR: DnsVendor = {
  name: 'main',
  provider: 'cloudflare',
  token: 'secret:cloudflare-token',
  endpoint: 'http://cloudflare.test/client/v4',
  zoneId: null,
  delegation: null,
};

export async function openAtCloudflare(name: string, play: Play): Promise<void> {
  await runInDurableObject(env.ZONES.getByName(`cloudflare:${crypto.randomUUID()}`), async (_object, state) => {
    await play(stageOf(name, state));
    await state.storage.deleteAlarm();
  });
}

function stageOf(name: string, state: DurableObjectState): ZoneStage {
  let token = TOKEN;
  let now = 1_800_000_000_000;
  const zone = new Zone(
    {
      name,
      records: [
        { type: 'A', name, content: '203.0.113.9' },
        { type: 'A', name: `*.${name}`, content: '203.0.113.5' },
        { type: 'MX', name, content: 'mail.example.com', priority: 10 },
        { type: 'TXT', name, content: '"v=spf1 -all"', comment: 'by hand' },
      ],
    },
    { duplicateCode: 81_058, txtBesideCname: 'refused' },
    () => now,
    undefined,
  );
  const [requests, faults] = [new RequestLog(), new ApiFaults()];
  const app = cloudflareApp({
    tokens: new Tokens([{ token: TOKEN, grants: [{ zones: [name], permissions: ['zone:read', 'dns:edit'] }] }]),
    zones: [zone],
    faults,
    requests,
    rateLimit: undefined,
    rateLimitOptions: { requests: 1_200, windowMs: 5 * MINUTE },
    validationErrors: 'plain',
    zoneListing: 'denied',
    mostPerPage: 50,
  });
  const dependencies = zoneDependencies({
    secret: () => Promise.resolve(token),
    fetch: async (input, init) => app.fetch(new Request(input, init)),
    clock: () => now,
    namecheap: elsewhere,
    budget: elsewhere,
    resolvers: [],
    report: () => Promise.resolve(),
  });
  const living = new LivingZone(state, env, dependencies, {
    get now() {
      return now;
    },
    pass: (milliseconds) => {
      now += milliseconds;
      return Promise.resolve();
    },
  });
  const isText = ({ type }: { type: string }) => type === 'TXT';
  const all = () => zone.store.all();
  return {
    ...living.stage({ vendor: VENDOR, zone: { id: zone.id, name } }),
    texts: () =>
      all()
        .filter(isText)
        .map((record) => ({ name: record.name, value: txtStrings(record.content).join('') })),
    others: () =>
      all()
        .filter((record) => !isText(record))
        .map((record) => JSON.stringify(record)),
    stranger: {
      add: (...records) =>
        void zone.store.apply(records.map((record) => ({ kind: 'post', body: { type: 'TXT', name: record.name, content: `"${record.value}"`, ttl: 300 } }))),
      remove: ({ name: owner, value }) => {
        const found = all().filter((record) => isText(record) && record.name === owner && txtStrings(record.content).join('') === value);
        zone.store.apply(found.map(({ id }) => ({ kind: 'delete', id })));
      },
    },
    fill: (owner) => {
      const lengths = [...Array.from({ length: Math.floor(MAX_COMBINED / LONG) }, () => LONG), MAX_COMBINED % LONG];
      const contents = lengths.map((length, index) => `"${String(index).padEnd(length - 2, 'x')}"`);
      zone.store.apply(contents.map((content) => ({ kind: 'post', body: { type: 'TXT', name: owner, content, ttl: 300 } })));
    },
    accept: (credentials) => {
      token = credentials ? TOKEN : REVOKED;
    },
    limit: () => faults.next({ kind: 'rate-limited', retryAfterSeconds: 60 }),
    requests: () => requests.all().length,
  };
}

function elsewhere(): never {
  throw new Error('No zone is at Namecheap here.');
}
