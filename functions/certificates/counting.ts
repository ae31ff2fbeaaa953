/** Ports that tell how often they are called: what an issuance spent is shown to people and bounded per run. */
import type { DnsPort, RelayPort } from './ports.ts';

export function countedRelay(relay: RelayPort, onCall: () => void): RelayPort {
  const counted =
    <A extends unknown[], R>(call: (...args: A) => R) =>
    (...args: A): R => (onCall(), call(...args));
  return {
    createKey: counted((cluster, request) => relay.createKey(cluster, request)),
    removeKey: counted((cluster, issuance) => relay.removeKey(cluster, issuance)),
    install: counted((cluster, certificate, request) => relay.install(cluster, certificate, request)),
    inspect: counted((cluster, certificate, request) => relay.inspect(cluster, certificate, request)),
    reload: counted((cluster, request) => relay.reload(cluster, request)),
    verify: counted((cluster, request) => relay.verify(cluster, request)),
    rollBack: counted((cluster, certificate, request) => relay.rollBack(cluster, certificate, request)),
    signRevocation: counted((cluster, issuance, request) => relay.signRevocation(cluster, issuance, request)),
  };
}

/** What is asked of a ZoneObject it asks of its vendor; each counts as one, besides the look-ups that leave from here. */
export function countedDns(dns: DnsPort, onCall: () => void): DnsPort {
  return {
    preflight: (domains, authority, vias) => (onCall(), dns.preflight(domains, authority, vias)),
    place: (records, vias) => dns.place(records, vias),
    propagation: (records, vias, confirmed) => dns.propagation(records, vias, confirmed),
    present: (owner, operation, records) => (onCall(), dns.present(owner, operation, records)),
    cleanUp: (owner, operation, records) => (onCall(), dns.cleanUp(owner, operation, records)),
  };
}
