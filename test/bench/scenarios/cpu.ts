/** CPU time at the edge, from the process (DESIGN §13: the Free plan allows 10 ms for each invocation). */
import type { Scenario } from '../bench.ts';

const NOTE =
  'utime + stime of the workerd that runs the Worker (all threads, local storage and the runtime included), from just before the renewal is asked for until half a second after it is live. ' +
  'Invocations are counted inside: every request, call between objects, alarm and WebSocket message, also those by which this benchmark follows the renewal.';

export const cpu: Scenario = {
  name: 'cpu',
  about: 'CPU time of workerd per renewal and per invocation',
  unavailable: () => (process.platform === 'linux' ? undefined : 'It reads /proc, which only Linux has.'),
  run: async (bench) => {
    const renewals = await bench.renewals('never-refused');
    return [
      { what: 'CPU of workerd per renewal', unit: 'ms', samples: renewals.map(({ cpuMs }) => cpuMs), budget: null, note: NOTE },
      { what: 'invocations per renewal', unit: 'requests', samples: renewals.map(({ invocations }) => invocations), budget: null, note: NOTE },
      {
        what: 'CPU per invocation',
        unit: 'ms',
        samples: renewals.map(({ cpuMs, invocations }) => cpuMs / invocations),
        budget: { of: 'p50', most: 10 },
        note: "The mean of each renewal's invocations; the percentiles are over renewals, because the process does not tell one invocation from the next.",
      },
    ];
  },
};
