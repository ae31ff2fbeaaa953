/** CPU time at the edge, from the process (DESIGN §13: the Free plan allows 10 ms for each invocation). */
import type { Scenario } from '../bench.ts';
import { INVOCATIONS_NOTE } from '../invocations.ts';

export const cpu: Scenario = {
  name: 'cpu',
  about: 'CPU time of workerd per renewal and per invocation',
  unavailable: () => (process.platform === 'linux' ? undefined : 'It reads /proc, which only Linux has.'),
  run: async (bench) => {
    const renewals = await bench.renewals('never-refused');
    return [
      { what: 'CPU of workerd per renewal', unit: 'ms', samples: renewals.map(({ cpuMs }) => cpuMs), budget: null, note: INVOCATIONS_NOTE },
      { what: 'invocations per renewal, at least', unit: 'requests', samples: renewals.map(({ invocations }) => invocations), budget: null, note: INVOCATIONS_NOTE },
      {
        what: 'CPU per invocation, at most',
        unit: 'ms',
        samples: renewals.map(({ cpuMs, invocations }) => cpuMs / invocations),
        budget: { of: 'p50', most: 10 },
        note: "The mean of each renewal's invocations; the percentiles are over renewals, because the process does not tell one invocation from the next.",
      },
    ];
  },
};
