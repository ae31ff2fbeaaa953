import { describe, expect, it } from 'vitest';
import { difference, external } from '../../bench/counters.ts';
import { descendants, parseStat } from '../../bench/processes.ts';
import { issuedMs } from '../../bench/renewal.ts';

describe('requests of a renewal', () => {
  const before = { acme: 100, vendor: 20, writes: 4, doh: 8, relay: 50, nomad: 400 };
  const after = { acme: 111, vendor: 26, writes: 6, doh: 12, relay: 58, nomad: 420 };

  it('are what arrived between two counts', () => {
    expect(difference(after, before)).toEqual({ acme: 11, vendor: 6, writes: 2, doh: 4, relay: 8, nomad: 20 });
  });

  it('are external when they open a connection to somebody else: the relay is on a link that is open', () => {
    expect(external(difference(after, before))).toBe(21);
  });
});

describe('the time until a certificate is issued', () => {
  it('is that of every phase until the chain is in hand, each as often as it was entered', () => {
    const phases = [
      { name: 'order', ms: 40 },
      { name: 'present', ms: 50 },
      { name: 'order', ms: 30 },
      { name: 'download', ms: 20 },
      { name: 'install', ms: 500 },
      { name: 'verify', ms: 700 },
    ] as const;
    expect(issuedMs([...phases])).toBe(140);
  });
});

describe('/proc/<pid>/stat', () => {
  const line = (command: string) => `4242 (${command}) S 17 4242 4242 0 -1 4194304 100 0 0 0 250 31 9 9 20 0 12 0 77 1 2`;

  it('gives the parent and the CPU time of a process and all its threads', () => {
    expect(parseStat(line('workerd'))).toEqual({ pid: 4242, command: 'workerd', parent: 17, cpuMs: 2_810 });
  });

  it('is read rightly whatever the command is called', () => {
    expect(parseStat(line('a) S 1 (b'))).toMatchObject({ command: 'a) S 1 (b', parent: 17, cpuMs: 2_810 });
  });

  it('is refused in another shape', () => {
    expect(() => parseStat('4242 workerd')).toThrow(expect.objectContaining({ code: 'bench_proc_unreadable' }));
  });

  it('finds whoever was started below a process, at any depth', () => {
    const stat = (pid: number, parent: number) => ({ pid, parent, command: 'x', cpuMs: 0 });
    expect(descendants([stat(2, 1), stat(3, 2), stat(4, 3), stat(5, 1), stat(6, 9)], 2).map(({ pid }) => pid)).toEqual([3, 4]);
  });
});
