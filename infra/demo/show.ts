/** What the demo shows: a certificate, and the vendors that have the zones of its names. */
import { delegationFor } from '../../functions/dns/delegation.ts';
import { PerennialError } from '../../shared/errors.ts';
import { CLOUDFLARE_SECRET, DELEGATION, type CertificateWish } from './configuration.ts';
import type { ZoneOptions } from './parts/zones.ts';
import { strangersZone } from './strangers-zone.ts';
import type { DemoVendor } from './vendors.ts';

export interface Show {
  vendor: DemoVendor;
  certificate: CertificateWish;
  /** The name that requests through the proxy are for. */
  visited: string;
  /** A name whose challenge is answered elsewhere, and where; or null. */
  delegated: { name: string; target: string } | null;
  zones: Pick<ZoneOptions, 'namecheap' | 'furtherZones'>;
}

/** A zone full of somebody else's records, below a public suffix of two labels. */
const NAMECHEAP_ZONE = 'example.co.uk';
/** A domain at a registrar that we know nothing of; its owner has created one CNAME, once. */
const DELEGATED_ZONE = 'example.org';
/** Long enough that whoever asks too early is told "no". */
const PUBLISH_DELAY_MS = 2_000;

export const CLOUDFLARE_SHOW: Show = {
  vendor: 'cloudflare',
  certificate: { name: 'matrix', domains: ['matrix.example.net', '*.matrix.example.net'] },
  visited: 'matrix.example.net',
  delegated: null,
  zones: {},
};

export async function showOf(vendor: DemoVendor): Promise<Show> {
  return vendor === 'cloudflare' ? CLOUDFLARE_SHOW : await namecheapShow();
}

async function namecheapShow(): Promise<Show> {
  const challenge = `_acme-challenge.${DELEGATED_ZONE}`;
  // The very record that the status page tells people to create.
  const token = `secret:${CLOUDFLARE_SECRET}`;
  const delegation = await delegationFor(challenge, [{ name: 'main', provider: 'cloudflare', token, endpoint: null, zoneId: null, delegation: DELEGATION }]);
  if (delegation === null) throw new PerennialError('demo_no_delegation', 'No zone offers a place for delegated challenges.');
  const { target } = delegation;
  return {
    vendor: 'namecheap',
    certificate: { name: 'example', domains: [NAMECHEAP_ZONE, `*.${NAMECHEAP_ZONE}`, DELEGATED_ZONE] },
    visited: NAMECHEAP_ZONE,
    delegated: { name: DELEGATED_ZONE, target },
    zones: {
      namecheap: { domains: [{ name: NAMECHEAP_ZONE, ...strangersZone() }], publishDelayMs: PUBLISH_DELAY_MS },
      furtherZones: [{ name: DELEGATED_ZONE, records: [{ name: challenge, type: 'CNAME', data: target }] }],
    },
  };
}
