/** What a call is, in the words of its protocol: the same in every renewal, whatever ids it carries. */
import { decode } from 'dns-packet';
import { z } from 'zod';
import type { Phase } from '../../functions/certificates/ports.ts';
import type { Call } from './calls.ts';

/** Pebble's paths by their first segment. */
const ACME_PATHS: Readonly<Record<string, string>> = {
  dir: 'directory',
  'nonce-plz': 'newNonce',
  'sign-me-up': 'newAccount',
  'my-account': 'account',
  'order-plz': 'newOrder',
  'my-order': 'order',
  authZ: 'authorization',
  chalZ: 'challenge',
  'finalize-order': 'finalize',
  certZ: 'certificate',
  'revoke-cert': 'revokeCert',
  'rollover-account-key': 'keyChange',
};

const IDS: readonly (readonly [RegExp, string])[] = [
  [/\/certificates\/[^/]+/g, '/certificates/:name'],
  [/\/previous\/[^/]+\/[^/]+/g, '/previous/:name'],
  [/\/(service|job|allocation)\/[^/]+/g, '/$1/:name'],
  [/[0-9a-f]{8}-[0-9a-f-]{27}/g, ':id'],
];

const jwsSchema = z.object({ payload: z.string() });
const batchSchema = z.looseObject({ posts: z.array(z.unknown()).default([]), deletes: z.array(z.unknown()).default([]) });

export function labelOf(call: Call): string {
  switch (call.part) {
    case 'ca':
      return acmeLabel(call);
    case 'cloudflare':
      return cloudflareLabel(call);
    case 'resolver':
      return `${questionOf(call)?.type ?? 'unknown'} query`;
    case 'nomad':
    case 'link':
      return `${call.method} ${IDS.reduce((path, [pattern, name]) => path.replaceAll(pattern, name), pathOf(call))}`;
  }
}

function acmeLabel(call: Call): string {
  if (call.path.includes('/renewalInfo/')) return 'renewalInfo';
  const name = ACME_PATHS[pathOf(call).split('/')[1] ?? ''] ?? pathOf(call);
  return name === 'authorization' && acmePayload(call)?.includes('deactivated') === true ? 'deactivation' : name;
}

function cloudflareLabel(call: Call): string {
  const path = pathOf(call)
    .replaceAll(/[0-9a-f]{32}/g, ':id')
    .replace('/client/v4', '');
  if (!path.endsWith('/batch')) return `${call.method} ${path}`;
  const batch = batchSchema.safeParse(parseJson(call.body.toString('utf8')));
  const [posts, deletes] = batch.success ? [batch.data.posts.length > 0, batch.data.deletes.length > 0] : [false, false];
  return `${call.method} ${path} (${posts && deletes ? 'posts, deletes' : deletes ? 'deletes' : 'posts'})`;
}

/** The decoded payload of a JWS; undefined when the call carries none. */
export function acmePayload(call: Call): string | undefined {
  const jws = jwsSchema.safeParse(parseJson(call.body.toString('utf8')));
  return jws.success ? Buffer.from(jws.data.payload, 'base64url').toString('utf8') : undefined;
}

/** The question of a DNS query in wire format (RFC 8484). */
export function questionOf(call: Call): { type: string; name: string } | undefined {
  try {
    const question = decode(call.body).questions?.[0];
    return question === undefined ? undefined : { type: question.type, name: question.name };
  } catch {
    return undefined;
  }
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function pathOf(call: Call): string {
  return call.path.split('?', 1)[0] ?? '/';
}

/** The phase in which a certificate makes such a call. */
const PHASES: readonly (readonly [RegExp, Phase])[] = [
  [/^ca newOrder/, 'order'],
  [/^ca (directory|newNonce|newAccount|account)/, 'order'],
  [/^ca authorization/, 'present'],
  [/^ca (challenge|order)/, 'validate'],
  [/^ca finalize/, 'finalize'],
  [/^ca certificate/, 'download'],
  [/^ca (renewalInfo|deactivation)/, 'idle'],
  [/\(deletes\)/, 'verify'],
  [/^cloudflare/, 'present'],
  [/^resolver (CAA|NS|SOA|CNAME)/, 'order'],
  [/^resolver/, 'propagate'],
  [/^link POST \/v1\/dns/, 'propagate'],
  [/^link DELETE \/v1\/keys/, 'idle'],
  [/^nomad DELETE .*\/keys/, 'idle'],
  [/\/keys/, 'present'],
  [/^link POST \/v1\/verify/, 'verify'],
  [/^nomad GET \/v1\/(service|job|allocation|client)/, 'verify'],
  [/^(link|nomad) (PUT|GET) .*certificates/, 'install'],
];

export function phaseOfCall(part: Call['part'], label: string): Phase {
  return PHASES.find(([pattern]) => pattern.test(`${part} ${label}`))?.[1] ?? 'idle';
}
