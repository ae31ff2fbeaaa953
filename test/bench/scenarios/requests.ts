/** What a renewal asks of others, counted where it arrives (DESIGN §13). */
import type { Scenario } from '../bench.ts';
import { external } from '../counters.ts';
import type { Figure } from '../figure.ts';

export const requests: Scenario = {
  name: 'requests',
  about: 'ACME requests, external subrequests, relay and Nomad requests per renewal',
  run: async (bench) => {
    const renewals = await bench.renewals('never-refused');
    const counted = renewals.map((renewal) => renewal.requests);
    const figure = (what: string, samples: number[], most: number | null, note?: string): Figure => ({
      what,
      unit: 'requests',
      samples,
      budget: most === null ? null : { of: 'max', most },
      ...(note === undefined ? {} : { note }),
    });
    const all = counted.map(external);
    return [
      figure(
        'ACME requests per renewal',
        counted.map(({ acme }) => acme),
        null,
        'As they arrived at the CA, which refuses no nonce here: each refusal costs one more. Once the certificate is issued, each authorization is given up with one request.',
      ),
      figure(
        'ACME requests per renewal, authorizations kept',
        (await bench.renewals('authorizations-kept')).map((renewal) => renewal.requests.acme),
        11,
        'The same with deactivate_authorizations = false.',
      ),
      figure(
        'DNS vendor requests per renewal',
        counted.map(({ vendor }) => vendor),
        null,
      ),
      figure(
        'Cloudflare writes per renewal',
        counted.map(({ writes }) => writes),
        2,
        'Everything that is no GET: one batch that publishes both records, and one that takes them back.',
      ),
      figure(
        'DoH requests per renewal',
        counted.map(({ doh }) => doh),
        null,
      ),
      figure('external subrequests per renewal', all, 30, 'ACME, DNS vendor and DoH together.'),
      figure(
        'external subrequests per invocation, at most',
        renewals.map(({ mostSubrequests }) => mostSubrequests),
        40,
        'Counted inside of each invocation.',
      ),
      figure(
        'relay requests per renewal',
        counted.map(({ relay }) => relay),
        null,
      ),
      figure(
        'Nomad requests per renewal',
        counted.map(({ nomad }) => nomad),
        null,
        "The relay's, and the blocking queries of the proxies' templates.",
      ),
    ];
  },
};
