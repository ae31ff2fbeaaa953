/**
 * A zone at Namecheap as somebody has it who never heard of us: mail with its policies, CAA that admits the stand-in for a CA,
 * a redirect, a wildcard, and a side list of SRV records. Whoever writes `setHosts` carelessly loses some of it.
 */
import type { HostInput, SrvRecord } from '../../test/emulators/namecheap/index.ts';

/** As long as a 2048-bit RSA key; `+`, `/` and `=` are what careless encoders destroy. */
const DKIM_KEY = `MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA${'q7/Zx+0'.repeat(48)}3kQIDAQAB==`;

export interface StrangersZone {
  emailType: string;
  hosts: HostInput[];
  srv: SrvRecord[];
}

export function strangersZone(): StrangersZone {
  return {
    emailType: 'MX',
    hosts: [
      { name: '@', type: 'A', address: '203.0.113.9', ttl: 300 },
      { name: '*', type: 'A', address: '203.0.113.5' },
      { name: 'www', type: 'CNAME', address: 'lb-1.eu.example-cdn.net.' },
      { name: 'old', type: 'URL301', address: 'https://www.example.co.uk/?a=1&b=2%20c' },
      { name: '@', type: 'MX', address: 'aspmx.l.google.com.', mxPref: 1, ttl: 3_600 },
      { name: '@', type: 'MX', address: 'alt1.aspmx.l.google.com.', mxPref: 5, ttl: 3_600 },
      { name: '@', type: 'TXT', address: 'v=spf1 include:_spf.google.com ~all' },
      { name: '_dmarc', type: 'TXT', address: 'v=DMARC1; p=quarantine; rua=mailto:dmarc@example.co.uk; pct=100' },
      { name: 'google._domainkey', type: 'TXT', address: `v=DKIM1; k=rsa; p=${DKIM_KEY}` },
      { name: '@', type: 'CAA', address: '0 issue "ca.example"' },
      { name: '@', type: 'CAA', address: '0 iodef "mailto:security@example.co.uk"' },
      // Somebody else proves something right where our records go.
      { name: '_acme-challenge', type: 'TXT', address: 'a-strangers-proof', ttl: 120 },
    ],
    srv: [{ service: '_sip', protocol: '_tls', priority: 100, weight: 1, port: 443, target: 'sipdir.online.lync.com' }],
  };
}
