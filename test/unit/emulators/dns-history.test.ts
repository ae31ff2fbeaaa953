import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DnsWorld } from '../../emulators/dns/index.ts';
import { upTo } from '../../emulators/dns/names.ts';

/**
 * Versions are kept per name and pruned. Whatever happens in whatever order, every server must show what a plain log
 * of all states would have shown: the same values, and the same names existing.
 */
const SERVERS = [
  { name: 'now.ns.example', delayMs: 0 },
  { name: 'late.ns.example', delayMs: 5 },
  { name: 'never.ns.example', delayMs: Number.POSITIVE_INFINITY },
];
const NAMES = ['z.example', 'a.z.example', 'b.a.z.example', 'c.b.a.z.example', 'd.a.z.example', 'e.z.example'];

const step = fc.oneof(
  fc.record({ kind: fc.constant('add' as const), name: fc.constantFrom(...NAMES), value: fc.constantFrom('x', 'y') }),
  fc.record({ kind: fc.constant('remove' as const), name: fc.constantFrom(...NAMES), value: fc.constantFrom('x', 'y') }),
  fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 8 }) }),
);

describe('the history of a zone', () => {
  it.each([
    ['with a server that never catches up', SERVERS],
    ['with finite delays, when old versions are dropped', SERVERS.slice(0, 2)],
  ])('shows each server what it should see, %s', (_, servers) => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        let now = 1_000;
        const dns = new DnsWorld(() => now);
        for (const server of servers) dns.addNameserver(server);
        dns.addZone({ name: 'z.example', nameservers: servers.map(({ name }) => name) });
        const values = new Set<string>();
        const log = [{ at: Number.NEGATIVE_INFINITY, values: [] as string[] }];
        for (const action of steps) {
          if (action.kind === 'pass') {
            now += action.ms;
          } else {
            const record = { name: action.name, type: 'TXT', data: action.value } as const;
            if (action.kind === 'add') dns.add(record);
            else dns.remove(record);
            if (action.kind === 'add') values.add(`${action.name} ${action.value}`);
            else values.delete(`${action.name} ${action.value}`);
            log.push({ at: now, values: [...values] });
          }
          for (const { name: server, delayMs } of servers) {
            const visible = log.findLast(({ at }) => at === Number.NEGATIVE_INFINITY || at + delayMs <= now)?.values ?? [];
            expect(shown(dns, server)).toEqual(expected(visible));
          }
        }
      }),
      { numRuns: 200 },
    );
  });
});

function shown(dns: DnsWorld, server: string): Record<string, string[] | 'nodata' | 'nxdomain'> {
  const view = dns.viewAt('z.example', server);
  return Object.fromEntries(
    NAMES.map((name) => {
      const found = view.lookup(name, 'TXT');
      if (found.kind === 'answer') return [name, found.records.flatMap((record) => (record.type === 'TXT' ? record.data : [])).sort()];
      return [name, found.kind === 'nodata' ? 'nodata' : 'nxdomain'];
    }),
  );
}

function expected(visible: readonly string[]): Record<string, string[] | 'nodata' | 'nxdomain'> {
  const existing = new Set(['z.example', ...visible.flatMap((entry) => [...upTo(entry.split(' ')[0] ?? '', 'z.example')])]);
  return Object.fromEntries(
    NAMES.map((name) => {
      const values = visible
        .filter((entry) => entry.startsWith(`${name} `))
        .map((entry) => entry.slice(name.length + 1))
        .sort();
      if (values.length > 0) return [name, values];
      return [name, existing.has(name) ? 'nodata' : 'nxdomain'];
    }),
  );
}
