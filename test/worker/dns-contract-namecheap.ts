/** The stage of the zone contract at Namecheap: a ZoneObject inside workerd, the relay's core, the vendor's emulator. */
import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { MINUTE } from '../../shared/clock.ts';
import type { Play, Text, ZoneStage } from '../contracts/dns-zone.ts';
import type { HostInput } from '../emulators/namecheap/host.ts';
import { LivingZone } from './dns-contract-zone.ts';
import { NAMECHEAP_VENDOR, NamecheapAccount, USER } from './dns-namecheap.ts';

const MAX_HOSTS = 150;
const HOSTS: HostInput[] = [
  { name: '@', type: 'A', address: '203.0.113.9', ttl: 300 },
  { name: '*', type: 'A', address: '203.0.113.5' },
  { name: '@', type: 'MX', address: 'mail.example.com.', mxPref: 10, ttl: 3_600 },
  { name: '@', type: 'TXT', address: 'v=spf1 -all' },
  { name: '@', type: 'CAA', address: '0 issue "letsencrypt.org"' },
];

export async function openAtNamecheap(name: string, play: Play): Promise<void> {
  await runInDurableObject(env.ZONES.getByName(`namecheap:${USER}/${crypto.randomUUID()}`), async (_object, state) => {
    await play(stageOf(name, state));
    await state.storage.deleteAlarm();
  });
}

function stageOf(name: string, state: DurableObjectState): ZoneStage {
  const account = new NamecheapAccount({ domains: [{ name, emailType: 'MX', hosts: HOSTS }] });
  const { emulator } = account;
  const living = new LivingZone(state, env, account.dependencies(), account);
  const rows = () => emulator.hosts(name);
  const host = (record: Text): HostInput => ({ name: record.name === name ? '@' : record.name.slice(0, -name.length - 1), type: 'TXT', address: record.value });
  const same = (a: HostInput, b: HostInput) => a.name === b.name && a.type === b.type && a.address === b.address;
  return {
    ...living.stage({ vendor: NAMECHEAP_VENDOR, zone: { id: `${USER}/${name}`, name } }),
    texts: () =>
      rows()
        .filter(({ type }) => type === 'TXT')
        .map((row) => ({ name: row.name === '@' ? name : `${row.name}.${name}`, value: row.address })),
    others: () => [
      emulator.emailType(name),
      ...rows()
        .filter(({ type }) => type !== 'TXT')
        .map((row) => [row.name, row.type, row.address, row.mxPref, row.ttl].join(' ')),
    ],
    stranger: {
      add: (...records) => emulator.setHosts(name, { hosts: [...rows(), ...records.map(host)] }),
      remove: (record) => emulator.setHosts(name, { hosts: rows().filter((row) => !same(row, host(record))) }),
    },
    fill: () => {
      const many = Array.from({ length: MAX_HOSTS - rows().length }, (_, index) => ({ name: `full-${index}`, type: 'A', address: '192.0.2.1' }));
      emulator.setHosts(name, { hosts: [...rows(), ...many] });
    },
    accept: (credentials) => account.accept(credentials),
    limit: () => {
      const over = account.now + MINUTE;
      emulator.before = () => {
        if (account.now < over && emulator.faults.pending === 0) emulator.faults.next({ kind: 'limited' });
      };
    },
    requests: () => emulator.requests.all().length,
  };
}
