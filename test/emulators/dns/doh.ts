/**
 * A public resolver as it speaks DNS over HTTPS: wire format (RFC 8484, GET and POST) and the JSON of the two big
 * ones, with the cache of {@link CachingResolver} behind. Plain HTTP, because it stays on the loopback.
 *
 * The JSON differs between the vendors: Cloudflare (`/dns-query`) wants `Accept: application/dns-json`, prints names
 * without the final dot and TXT data quoted, string by string. Google (`/resolve`) takes any Accept, prints the dot,
 * and TXT data joined and bare.
 */
import { Hono, type Context } from 'hono';
import type { Rcode } from './faults.ts';
import { rcodeNumber, readQuery, writeReply } from './message.ts';
import { presentation, type ZoneRecord } from './records.ts';
import { ask } from './responder.ts';
import type { CachingResolver, Resolution } from './resolver.ts';
import type { DnsWorld } from './world.ts';

type Vendor = 'cloudflare' | 'google';

const TYPE_NUMBERS: Record<string, number> = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  MX: 15,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  DS: 43,
  DNSKEY: 48,
  HTTPS: 65,
  ANY: 255,
  CAA: 257,
};
const MAX_NAME_LENGTH = 253;
const MAX_MESSAGE_BYTES = 4_096;
const WIRE = 'application/dns-message';

export function dohApp(world: DnsWorld, resolver: CachingResolver): Hono {
  const app = new Hono();

  app.get('/dns-query', (c): Response | Promise<Response> => {
    const encoded = c.req.query('dns');
    if (encoded !== undefined) return wire(c, Buffer.from(encoded, 'base64url'));
    const accept = c.req.header('accept') ?? '';
    if (!accept.includes('application/dns-json')) return c.text('Invalid request: neither a dns parameter nor Accept: application/dns-json.', 400);
    return json(c, 'cloudflare');
  });
  app.post('/dns-query', async (c): Promise<Response> => {
    if (c.req.header('content-type') !== WIRE) return c.text('Unsupported media type.', 415);
    return wire(c, Buffer.from(await c.req.arrayBuffer()));
  });
  app.get('/resolve', (c) => json(c, 'google'));

  async function json(c: Context, vendor: Vendor): Promise<Response> {
    const name = c.req.query('name') ?? '';
    const type = typeMnemonic(c.req.query('type') ?? 'A');
    if (name === '' || name.length > MAX_NAME_LENGTH || type === undefined) return c.json({ error: 'Invalid query: name or type.' }, 400);
    const unchecked = ['1', 'true'].includes(c.req.query('cd') ?? '');
    const answered = await ask(world, { server: resolver.name, name, type, transport: 'doh-json' }, () => flat(resolver.query(name, type, unchecked)));
    if (answered === undefined) return hangUp(c);
    const resolution = 'failed' in answered ? { rcode: answered.failed, answers: [], authorities: [] } : answered;
    const contentType = vendor === 'cloudflare' ? 'application/dns-json' : 'application/json; charset=UTF-8';
    return c.body(JSON.stringify(jsonAnswer(vendor, name, type, resolution, c.req.query('cd'))), 200, {
      'content-type': contentType,
      'cache-control': cacheControl(resolution),
    });
  }

  async function wire(c: Context, message: Buffer): Promise<Response> {
    const query = message.length > MAX_MESSAGE_BYTES ? undefined : readQuery(message);
    if (query === undefined || 'refusal' in query) return c.text('The message is not a DNS query.', 400);
    const { name, type } = query.question;
    const answered = await ask(world, { server: resolver.name, name, type, transport: 'doh-wire' }, () =>
      flat(resolver.query(name, type, query.checkingDisabled)),
    );
    if (answered === undefined) return hangUp(c);
    const resolution = 'failed' in answered ? { rcode: answered.failed, answers: [], authorities: [] } : answered;
    const reply = writeReply(query, { ...resolution, authoritative: false, recursionAvailable: true, additionals: [] }, 'tcp');
    return c.body(new Uint8Array(reply), 200, { 'content-type': WIRE, 'cache-control': cacheControl(resolution) });
  }

  return app;
}

type Outcome = Pick<Resolution, 'answers' | 'authorities'> & { rcode: Rcode };

function flat({ resolution, cached }: { resolution: Resolution; cached: boolean }): Resolution & { cached: boolean } {
  return { ...resolution, cached };
}

/** A dropped query: the client waits until it gives up or the server closes. */
function hangUp(c: Context): Promise<Response> {
  return new Promise((resolve) => {
    c.req.raw.signal.addEventListener('abort', () => resolve(new Response(null, { status: 499 })), { once: true });
  });
}

function jsonAnswer(vendor: Vendor, name: string, type: string, resolution: Outcome, cd: string | undefined): Record<string, unknown> {
  const section = (records: readonly ZoneRecord[]) =>
    records.map((record) => ({ name: spelled(vendor, record.name), type: TYPE_NUMBERS[record.type], TTL: record.ttl, data: data(vendor, record) }));
  return {
    Status: rcodeNumber(resolution.rcode),
    TC: false,
    RD: true,
    RA: true,
    AD: false,
    CD: cd === '1' || cd === 'true',
    Question: [{ name: spelled(vendor, name), type: TYPE_NUMBERS[type] ?? Number(type.replace('UNKNOWN_', '')) }],
    ...(resolution.answers.length === 0 ? {} : { Answer: section(resolution.answers) }),
    ...(resolution.authorities.length === 0 ? {} : { Authority: section(resolution.authorities) }),
  };
}

function spelled(vendor: Vendor, name: string): string {
  const bare = name.replace(/\.$/, '');
  return vendor === 'google' ? `${bare}.` : bare;
}

function data(vendor: Vendor, record: ZoneRecord): string {
  return vendor === 'google' && record.type === 'TXT' ? record.data.join('') : presentation(record);
}

/** `max-age` is the least TTL of the answer (RFC 8484 §5.1). */
function cacheControl(resolution: Outcome): string {
  const ttls = [...resolution.answers, ...resolution.authorities].map((record) => record.ttl);
  return `max-age=${ttls.length === 0 ? 0 : Math.min(...ttls)}`;
}

/** `TXT`, `txt` and `16` all mean TXT. */
function typeMnemonic(type: string): string | undefined {
  const upper = type.toUpperCase();
  if (upper in TYPE_NUMBERS) return upper;
  if (!/^\d{1,5}$/.test(type)) return undefined;
  const known = Object.entries(TYPE_NUMBERS).find(([, number]) => number === Number(type));
  return known?.[0] ?? `UNKNOWN_${Number(type)}`;
}
