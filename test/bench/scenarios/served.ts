/** Due → served: the same renewals until every dial shows the new chain, behind Traefik's default throttle (DESIGN §13). */
import type { Scenario } from '../bench.ts';

export const served: Scenario = {
  name: 'served',
  about: "due to served, on the TLS stand-in with Traefik's default throttle",
  run: async (bench) => {
    const renewals = await bench.renewals('never-refused');
    return [
      {
        what: 'due to served, stand-in',
        unit: 'ms',
        samples: renewals.map(({ servedMs }) => servedMs),
        budget: { of: 'p50', most: 1_500 },
        note: 'Each certificate has a proxy of its own and is renewed once, so that no change waits for the 2 s throttle of the one before; the template waits 500 ms for quiet, as the shipped job does.',
      },
    ];
  },
};
