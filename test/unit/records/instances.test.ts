/** Addresses that follow the healthy instances of a service. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MINUTE, SECOND } from '../../../shared/clock.ts';
import { addressesOf, followInstances, KEEP_MISSING_MS, type Followed } from '../../../functions/records/instances.ts';
import type { Instance } from '../../../functions/records/ports.ts';

const instance = (address: string, healthy = true): Instance => ({ id: address, address, port: 443, job: 'traefik', healthy, detail: '' });
/** What is followed after these reports, one minute apart. */
function after(...reports: Instance[][]): Followed[] {
  return reports.reduce<Followed[]>((known, report, minute) => followInstances(known, report, minute * MINUTE), []);
}
const [A, B, C] = [instance('192.0.2.1'), instance('192.0.2.2'), instance('192.0.2.3')];
const sick = { ...B, healthy: false };

describe('an address', () => {
  it('comes as soon as an instance with it is healthy', () => {
    expect(addressesOf('A', after([A], [A, B, C]))).toEqual(['192.0.2.1', '192.0.2.2', '192.0.2.3']);
  });

  it('goes when it has been unhealthy or absent for five minutes, not sooner', () => {
    for (const gone of [[A, sick], [A]]) {
      const reports = [[A, B], ...Array.from({ length: 6 }, () => gone)];
      expect(addressesOf('A', after(...reports.slice(0, 6)))).toEqual(['192.0.2.1', '192.0.2.2']);
      expect(addressesOf('A', after(...reports))).toEqual(['192.0.2.1']);
    }
  });

  it('that flaps stays: each healthy sight counts anew', () => {
    const flapping = Array.from({ length: 30 }, (_, minute) => (minute % 4 === 0 ? [A, B] : [A, sick]));
    for (let minute = 1; minute < flapping.length; minute += 1) expect(addressesOf('A', after(...flapping.slice(0, minute)))).toHaveLength(2);
  });

  it('is not missing while nobody could be asked', () => {
    const before = followInstances([], [A, B], 0);
    const later = followInstances(before, [A], 60 * MINUTE);
    expect(addressesOf('A', later)).toEqual(['192.0.2.1', '192.0.2.2']);
    expect(addressesOf('A', followInstances(later, [A], 60 * MINUTE + KEEP_MISSING_MS))).toEqual(['192.0.2.1']);
  });

  it('of several instances is there while one of them is healthy', () => {
    expect(addressesOf('A', after([A, { ...A, id: 'second', healthy: false }]))).toEqual(['192.0.2.1']);
  });

  it('that means the host itself, its link or a group, or is a name, is never published', () => {
    const unfit = [
      '127.0.0.1',
      '0.0.0.0',
      '169.254.3.4',
      '224.0.0.1',
      '255.255.255.255',
      '::1',
      '::',
      'fe80::1',
      'ff02::1',
      '::ffff:192.0.2.1',
      'host.example.net',
      '',
    ];
    expect(after(unfit.map((address) => instance(address)))).toEqual([]);
  });

  it('is written as DNS holds it', () => {
    expect(addressesOf('AAAA', after([instance('2001:DB8:0:0:0:0:0:1'), instance('2001:db8::1')]))).toEqual(['2001:db8::1']);
  });
});

describe('a set of addresses', () => {
  it('is IPv4 for A and IPv6 for AAAA', () => {
    const both = after([A, instance('2001:db8::1')]);
    expect([addressesOf('A', both), addressesOf('AAAA', both)]).toEqual([['192.0.2.1'], ['2001:db8::1']]);
  });

  it('is unknown, not empty, while none of the family is healthy', () => {
    expect(addressesOf('A', after([]))).toBeNull();
    expect(addressesOf('AAAA', after([A]))).toBeNull();
    expect(addressesOf('A', after([A, B], [{ ...A, healthy: false }, sick]))).toBeNull();
    expect(addressesOf('A', after([A], ...Array.from({ length: 9 }, () => [sick])))).toBeNull();
  });

  it('never loses an address that was healthy within the last five minutes, whatever is reported', () => {
    const report = fc.record({ healthy: fc.subarray([A, B, C]), wait: fc.integer({ min: SECOND, max: 3 * MINUTE }) });
    fc.assert(
      fc.property(fc.array(report, { maxLength: 20 }), (reports) => {
        let now = 0;
        let followed: Followed[] = [];
        const seen = new Map<string, number>();
        for (const { healthy, wait } of reports) {
          now += wait;
          followed = followInstances(followed, healthy, now);
          for (const { address } of healthy) seen.set(address, now);
          const values = addressesOf('A', followed);
          if (healthy.length === 0) expect(values).toBeNull();
          else for (const [address, at] of seen) if (now - at < KEEP_MISSING_MS) expect(values).toContain(address);
        }
      }),
      { numRuns: 1_000, seed: 20_261_121 },
    );
  });
});
