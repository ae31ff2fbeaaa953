/** Zones as they report themselves, for the page's tests: each a complete, plausible report of one situation. */
import { DAY, HOUR, MINUTE, SECOND } from '../../../shared/clock.ts';
import type { DeclaredPlan, PlannedRecord, ZoneHealth } from '../../../functions/dns/zone-requests.ts';
import type { ZoneInput, ZonePlan } from '../../../functions/web/pages/index.ts';
import { zoneAddress } from '../../../functions/web/zone-address.ts';

/** Sat 21 Nov 2026, 01:07:30 UTC, as the samples of certificates. */
const NOW = Date.UTC(2026, 10, 21, 1, 7, 30);

export const zone = (health: Partial<ZoneHealth> = {}, plan: ZonePlan | null = null): ZoneInput => {
  const whole: ZoneHealth = {
    provider: 'cloudflare',
    zoneId: '023e105f4ecef8ad9ca31a8372d0c353',
    zoneName: 'example.net',
    vendors: ['main'],
    lastSuccessAt: NOW - 29 * DAY,
    lastError: null,
    live: 0,
    removing: 0,
    stopped: null,
    waiting: null,
    declared: null,
    ...health,
  };
  return { health: whole, address: zoneAddress(whole), plan };
};

export const namecheap = (health: Partial<ZoneHealth> = {}, plan: ZonePlan | null = null): ZoneInput =>
  zone({ provider: 'namecheap', zoneId: 'ops/example.co.uk', zoneName: 'example.co.uk', vendors: ['registrar'], ...health }, plan);

const DKIM = `v=DKIM1; k=rsa; p=${'MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA'.repeat(8)}IDAQAB`;

export const stoppedZone = (): ZoneInput =>
  namecheap({
    lastSuccessAt: NOW - 4 * MINUTE,
    live: 2,
    stopped: {
      at: NOW - 3 * MINUTE,
      message: 'After our write, 3 records that are not ours were different from before.',
      lines: [
        '- @ MX aspmx.l.google.com. 1 3600',
        `- google._domainkey TXT ${DKIM} 1799`,
        '- @ CAA 0 issue "letsencrypt.org" 1799',
        '+ www CNAME parkingpage.namecheap.com. 1799',
      ],
      command: 'npm run dns -- restore example.co.uk 42',
    },
  });

export const refusing = (): ZoneInput =>
  namecheap({
    lastError: {
      at: NOW - 40 * SECOND,
      error: {
        code: 'dns_address_not_listed',
        message: 'Namecheap does not accept calls of the account ops from 203.0.113.7.',
        retryable: true,
        hint: 'Add 203.0.113.7 at Namecheap: Profile, Tools, API Access, Whitelisted IPs.',
      },
    },
  });

export const waitingZone = (): ZoneInput =>
  namecheap({
    live: 4,
    removing: 2,
    lastSuccessAt: NOW - HOUR,
    waiting: { until: NOW + 7 * MINUTE, reason: 'The budget of 600 calls an hour for the account ops is used up; clean-ups wait first.' },
  });

const planned = (action: PlannedRecord['action'], type: string, name: string, value: string, more: Partial<PlannedRecord> = {}): PlannedRecord => ({
  action,
  type,
  name,
  value,
  found: null,
  why: null,
  ...more,
});

const PLAN: DeclaredPlan = {
  digest: 'b7d1c0ffee',
  approved: false,
  at: NOW - 5 * SECOND,
  records: [
    planned('keep', 'TXT', 'example.net', 'v=spf1 include:_spf.example.net -all'),
    planned('add', 'A', 'ingress.example.net', '203.0.113.7'),
    planned(
      'add',
      'CAA',
      'example.net',
      '0 issue "letsencrypt.org; accounturi=https://acme-v02.api.letsencrypt.org/acme/acct/1234567890; validationmethods=dns-01"',
      {
        why: 'The first CAA record of this name: from then on, only the CAs named here may issue.',
      },
    ),
    planned('correct', 'CNAME', 'www.example.net', 'ingress.example.net', { found: 'old-host.example.net', why: 'Somebody else changed our record.' }),
    planned('conflict', 'A', 'mail.example.net', '203.0.113.9', {
      found: '198.51.100.4',
      why: 'It is not ours and stays. Write adopt = true in its block to take it over.',
    }),
    planned('held', 'AAAA', 'ingress.example.net', '', { why: 'No healthy instance of traefik in main has an IPv6 address.' }),
    planned('remove', 'TXT', 'old.example.net', DKIM, { why: 'It is not declared any more.' }),
  ],
};

export const toApprove = (): ZoneInput =>
  zone(
    { live: 3, declared: { approved: false, digest: PLAN.digest, at: NOW - 5 * SECOND, add: 2, differ: 1, remove: 1, conflicts: 1, kept: 1 } },
    { ok: true, plan: PLAN },
  );

export const drifting = (): ZoneInput =>
  zone(
    { live: 4, declared: { approved: true, digest: 'c0ffee', at: NOW - HOUR, add: 0, differ: 1, remove: 0, conflicts: 0, kept: 3 } },
    { ok: true, plan: { ...PLAN, approved: true, records: PLAN.records.filter(({ action }) => action === 'correct' || action === 'keep') } },
  );

export const asDeclared = (): ZoneInput =>
  zone({ live: 4, declared: { approved: true, digest: 'c0ffee', at: NOW - HOUR, add: 0, differ: 0, remove: 0, conflicts: 0, kept: 4 } });
