/** What must be true once nothing is wrong any more and everything has come to rest. */
import type { World } from './world/world.ts';

/** Sentences about what is not as it should be; empty at rest. */
export function unsettled(world: World): string[] {
  return [...world.names.flatMap((name) => ofCertificate(world, name)), ...ofZones(world)];
}

function ofCertificate(world: World, name: string): string[] {
  const host = world.runtime.hosts.get(`certificate/${name}`);
  if (host === undefined) return [`${name} has never run`];
  const documents = new Map(host.disk.look('SELECT key, json FROM documents').map((row) => [String(row['key']), JSON.parse(String(row['json'])) as Document]));
  const live = documents.get('live');
  const issuance = documents.get('issuance');
  const found: string[] = [];
  if (live === undefined) found.push(`${name} has no live certificate`);
  else if ((live.leaf?.notAfter ?? 0) <= world.scheduler.now) found.push(`${name} has expired`);
  if (issuance !== undefined) found.push(`${name} is still in ${String(issuance.phase)}: ${issuance.failure?.code ?? 'no failure'}`);
  for (const { cluster, target } of world.specOf(name)?.deliveries ?? []) {
    const pem = world.clusters.get(cluster)?.nomad.variables.get(target.variable)?.items['certificate'];
    if (live !== undefined && pem !== live.chain) found.push(`${name}: ${cluster} ${target.variable} does not hold the live certificate`);
  }
  for (const delivery of (documents.get('deliveries') as unknown as { id: string; step: string; failure: { code: string } | null }[] | undefined) ?? [])
    if (delivery.step !== 'done') found.push(`${name}: the delivery ${delivery.id} is at ${delivery.step}: ${delivery.failure?.code ?? 'no failure'}`);
  return found;
}

interface Document {
  chain?: string;
  leaf?: { notAfter: number };
  phase?: string;
  failure?: { code: string } | null;
}

function ofZones(world: World): string[] {
  return world.dns.zones.flatMap((zone) =>
    world.dns
      .present(zone)
      .filter(({ foreign }) => !foreign)
      .map(({ type, name }) => `${type} ${name} was forgotten in ${zone.name}`),
  );
}
