import { describe, expect, it } from 'vitest';
import { resultOf } from '../../bench/figure.ts';
import { renderBudget, renderReport, renderTable, renderValue, type Report } from '../../bench/report.ts';

const report: Report = {
  startedAt: '2026-11-21T00:00:00.000Z',
  seconds: 12,
  machine: { cpus: 2, model: 'A processor', node: '24.0.0', load: [0.51, 0.4, 0.3] },
  runs: 2,
  parts: { ca: 'real', nomad: 'stand-in' },
  results: [
    resultOf('served', { what: 'due to served', unit: 'ms', samples: [1_200, 1_400], budget: { of: 'p50', most: 1_500 }, note: 'Isolated.' }),
    resultOf('requests', { what: 'ACME requests', unit: 'requests', samples: [11, 12], budget: { of: 'max', most: 11 } }),
    resultOf('cpu', { what: 'CPU', unit: 'ms', samples: [4.25], budget: null, note: 'Isolated.' }),
  ],
  skipped: [{ scenario: 'lego', reason: 'LEGO_BIN is not set.' }],
  failures: [{ scenario: 'page', message: 'It was answered 500.' }],
};

describe('the table', () => {
  it('says of each figure what its budget is and whether it is kept', () => {
    const lines = renderReport(report);
    expect(lines.find((line) => line.startsWith('served: due to served'))).toMatch(/p50 ≤ 1\.50 s +1\.20 s +1\.40 s +1\.40 s +2 +ok$/);
    expect(lines.find((line) => line.startsWith('requests: ACME requests'))).toMatch(/max ≤ 11 +11 +12 +12 +2 +OVER$/);
    expect(lines.find((line) => line.startsWith('cpu: CPU'))).toMatch(/4\.3 ms +1$/);
  });

  it('explains in one footnote what several figures share', () => {
    const lines = renderReport(report);
    expect(lines.filter((line) => line.includes('[1]'))).toHaveLength(3);
    expect(lines).toContain('[1] Isolated.');
  });

  it('names the machine, what was left out, and what failed', () => {
    const text = renderReport(report).join('\n');
    expect(text).toContain('2 CPUs (A processor), Node 24.0.0, load 0.5 0.4 0.3');
    expect(text).toContain('Parts: ca real, nomad stand-in');
    expect(text).toContain('lego: left out. LEGO_BIN is not set.');
    expect(text).toContain('page: FAILED. It was answered 500.');
  });

  it('aligns its columns', () => {
    expect(
      renderTable([
        ['what', 'n'],
        ['long name', '1'],
        ['x', '100'],
      ]),
    ).toEqual(['what         n', '---------  ---', 'long name    1', 'x          100']);
    expect(renderTable([])).toEqual([]);
  });
});

describe('a value', () => {
  it('carries its unit in a size that people read', () => {
    expect(renderValue(999, 'ms')).toBe('999 ms');
    expect(renderValue(0.25, 'ms')).toBe('0.3 ms');
    expect(renderValue(1_500, 'ms')).toBe('1.50 s');
    expect(renderValue(1_500_000, 'bytes')).toBe('1.50 MB');
    expect(renderValue(61.25, 'MiB')).toBe('61.3 MiB');
    expect(renderValue(11, 'requests')).toBe('11');
    expect(renderValue(10.5, 'requests')).toBe('10.5');
  });

  it('is shown in a budget as it is shown in a result', () => {
    expect(renderBudget({ of: 'p95', most: 150 }, 'ms')).toBe('p95 ≤ 150 ms');
  });
});
