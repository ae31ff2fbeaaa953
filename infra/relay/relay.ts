/** Puts the relay together out of its law and its effects, and starts and stops it. */
import { serve } from '@hono/node-server';
import type { ServerType } from '@hono/node-server';
import { DAY } from '../../shared/clock.ts';
import type { Clock } from '../../shared/clock.ts';
import { toPerennialError } from '../../shared/errors.ts';
import type { PrivateKey } from '../../shared/link/signatures.ts';
import { Admissions } from './admission.ts';
import { createRelayApp } from './app.ts';
import type { RelayApp } from './app.ts';
import { Connections } from './connections.ts';
import { AuthoritativeQuery } from './dns/query.ts';
import { resolverOptions } from './dns/system-resolver.ts';
import { ZoneFinder } from './dns/zone-cut.ts';
import { Egress } from './egress/egress.ts';
import { Health } from './health.ts';
import { DeliveryRecords } from './install/delivery-record.ts';
import { Installation } from './install/install.ts';
import { Rollback } from './install/rollback.ts';
import { Roots } from './install/roots.ts';
import { Instances } from './instances.ts';
import { KeyArea } from './keys/key-area.ts';
import { RevocationSigner } from './keys/revocation.ts';
import type { Law } from './law.ts';
import { EdgeLink } from './link/link.ts';
import type { Log } from './log.ts';
import type { NamecheapAccount } from './namecheap/account.ts';
import { readAccountKey } from './namecheap/account-key.ts';
import { createNamecheap } from './namecheap/namecheap.ts';
import { OwnAddress } from './namecheap/own-address.ts';
import { VendorFetch } from './namecheap/vendor-fetch.ts';
import type { NomadClient } from './nomad/client.ts';
import { NomadVariables } from './nomad/variables.ts';
import { NomadWorkloads } from './nomad/workloads.ts';
import { Reload } from './reload.ts';
import { dial } from './verify/dial.ts';
import { Verification } from './verify/verification.ts';
import { ServedWatch } from './verify/watch.ts';

export interface RelayOptions {
  law: Law;
  identity: PrivateKey;
  nomad: NomadClient;
  /** Allocation id. */
  allocation: string;
  /** SHA-256 of the running bundle, or `development`. */
  bundle: string;
  clock: Clock;
  /** Milliseconds that only ever grow. */
  monotonic: () => number;
  /** In [0, 1). */
  random: () => number;
  log: Log;
}

export interface Relay {
  /** The application, for a server or a test of one's own. */
  app: RelayApp;
  watch: ServedWatch;
  start(): void;
  /** Finishes what is in flight (at most 5 s). */
  stop(): Promise<void>;
}

export function createRelay(options: RelayOptions): Relay {
  const { law, identity, nomad, allocation, clock, monotonic, log } = options;
  const variables = new NomadVariables(nomad);
  const workloads = new NomadWorkloads(nomad);
  const roots = new Roots(law.roots);
  const connections = new Connections();
  const admissions = new Admissions({ keys: law.edgeKeys, cluster: law.cluster, connections });
  const keys = new KeyArea(variables, law.area);
  const records = new DeliveryRecords(variables, law.area);
  const verification = new Verification({ law, workloads, roots, dial });
  const egress = new Egress(law.egress);
  const vendor = new VendorFetch();
  const fetch = async (request: Request, account: NamecheapAccount) => vendor.send(request, account);
  const ownAddress = new OwnAddress({ fetch, clock });
  const namecheap = createNamecheap({
    accounts: law.namecheap,
    key: async (account, signal) => readAccountKey(account, variables, signal),
    address: async (account, signal) => ownAddress.of(account, signal),
    fetch,
    clock,
  });
  const health = new Health(monotonic);
  const watch = new ServedWatch({ verification, clock, log, report: async (event) => link.report(event) });
  const app = createRelayApp({
    law,
    identity,
    admissions,
    connections,
    keys,
    records,
    verification,
    watch,
    egress,
    namecheap,
    instances: new Instances(law, workloads),
    health,
    clock,
    log,
    place: `${law.cluster}/${allocation}`,
    revocations: new RevocationSigner(keys),
    installation: new Installation({ law, variables, keys, records, roots }),
    rollback: new Rollback({ law, variables, records, roots }),
    reload: new Reload(law, workloads),
    dns: new AuthoritativeQuery(new ZoneFinder(resolverOptions(law.dns))),
    push: law.listen?.push ?? false,
  });
  const link: EdgeLink = new EdgeLink({ ...options, app, admissions, connections, health });

  const sweep = () => {
    Promise.all([keys.sweep(clock), records.sweep(clock)]).then(
      ([pending, previous]) => log({ event: 'sweep', count: pending + previous }),
      (thrown: unknown) => log({ event: 'sweep', code: toPerennialError(thrown).code, message: 'Leftover keys could not be swept; the next try is tomorrow.' }),
    );
  };
  let daily: NodeJS.Timeout | undefined;
  let server: ServerType | undefined;
  return {
    app,
    watch,
    start: () => {
      if (law.listen !== undefined) server = serve({ fetch: app.fetch, hostname: law.listen.host, port: law.listen.port });
      // An occupied port takes health and push away, not the link.
      server?.on('error', () =>
        log({ event: 'failed', code: 'relay_listen_failed', message: `The relay cannot listen on ${law.listen?.host ?? ''}:${law.listen?.port ?? ''}.` }),
      );
      link.start();
      watch.start();
      sweep();
      daily = setInterval(sweep, DAY);
    },
    stop: async () => {
      clearInterval(daily);
      watch.stop();
      server?.close();
      await link.stop();
      egress.close();
      vendor.close();
      nomad.close();
    },
  };
}
