import { describe, expect, it } from 'vitest';
import { DEFAULT_RUNS, parseArguments, usage } from '../../bench/arguments.ts';

const NAMES = ['issue', 'served'];

describe('the command line', () => {
  it('runs everything, as often as it takes for a percentile, when nothing is said', () => {
    expect(parseArguments([], NAMES)).toEqual({ json: false, help: false, only: [], runs: DEFAULT_RUNS, fleet: [1, 10] });
    expect(DEFAULT_RUNS).toBeGreaterThanOrEqual(10);
  });

  it('takes scenarios by name, and counts', () => {
    expect(parseArguments(['--json', '--only', 'served', '--only=issue', '--runs', '30', '--fleet', '100'], NAMES)).toEqual({
      json: true,
      help: false,
      only: ['served', 'issue'],
      runs: 30,
      fleet: [100],
    });
  });

  it.each([
    [['--only', 'speed'], 'There is no scenario "speed". There are: issue, served.'],
    [['--runs', '0'], '--runs takes a whole number from 1 to 1000, and not "0".'],
    [['--runs', '1e3'], '--runs takes a whole number from 1 to 1000, and not "1e3".'],
    [['--fleet', '1001'], '--fleet takes a whole number from 1 to 1000, and not "1001".'],
    [['--fleet', '10,,100'], '--fleet takes a whole number from 1 to 1000, and not "".'],
  ])('refuses %j and says what it takes', (input, message) => {
    expect(() => parseArguments(input, NAMES)).toThrow(expect.objectContaining({ code: 'bench_usage', message }));
  });

  it.each([['--fast'], ['served'], ['--runs']])('refuses %j', (...input) => {
    expect(() => parseArguments(input, NAMES)).toThrow(expect.objectContaining({ code: 'bench_usage' }));
  });

  it('lists every scenario in its help', () => {
    expect(
      usage([
        { name: 'issue', about: 'due to issued' },
        { name: 'cpu', about: 'CPU time' },
      ]),
    ).toContain('  issue  due to issued\n  cpu    CPU time\n');
  });
});
