/** Runs a fleet through its course in the simulator and keeps what each certificate had left at every moment. */
import type { Violation } from '../laws.ts';
import type { Parts } from '../parts.ts';
import { Random } from '../random.ts';
import { every } from '../scenario.ts';
import { World } from '../world/world.ts';
import { type Course, DAY, fleetPlan, type Incident, type Lifetime, lifetimeOf } from './plan.ts';

export interface Life {
  name: string;
  lifetime: Lifetime;
  /** Of each certificate that was live: from when (days since the start) and how many days it had left then. */
  turns: { at: number; left: number }[];
  /** Certificates that the CA issued. */
  issued: number;
  /** Finalized orders beyond one for each intended renewal. */
  duplicates: number;
}

export interface FleetReport {
  course: Course;
  lives: Life[];
  violations: readonly Violation[];
  /** Orders that the CA has seen, finalized or not. */
  orders: number;
  events: number;
  hash: string;
}

export async function runFleet(course: Course, parts: Parts): Promise<FleetReport> {
  const random = new Random('fleet');
  const plan = fleetPlan(course, random);
  const world = new World('fleet', { ...plan, configuration: parts.parseConfiguration(plan.configuration) }, parts, false);
  world.mostEvents = Number.POSITIVE_INFINITY;
  const lives = new Map(
    plan.configuration.certificates.map((spec): [string, Life] => [
      spec.name,
      { name: spec.name, lifetime: lifetimeOf(spec), turns: [], issued: 0, duplicates: 0 },
    ]),
  );
  const known = new Map<string, string>();
  world.fleet.onReport = ({ name, view: { live } }) => {
    if (live === null || known.get(name) === live.sha256) return;
    known.set(name, live.sha256);
    const { now } = world.scheduler;
    lives.get(name)?.turns.push({ at: (now - plan.start) / DAY, left: (live.notAfter - now) / DAY });
  };
  try {
    world.apply();
    every(
      world,
      () => DAY,
      () => world.fleet.sweep(),
    );
    for (const incident of course.incidents) world.scheduler.at(plan.start + incident.day * DAY, () => befall(world, incident, random));
    await world.scheduler.run(
      plan.start + course.days * DAY,
      () => world.check(),
      () => world.laws.violations.length > 0,
    );
    world.laws.bounded();
    const records = world.authorities.map((ca) => ca.records);
    for (const { names } of records.flatMap(({ certificates }) => [...certificates.values()])) {
      const life = lives.get(names.find((name) => !name.startsWith('*.'))?.split('.')[0] ?? '');
      if (life !== undefined) life.issued += 1;
    }
    for (const [issuance, orders] of world.laws.finalized) {
      const life = lives.get(world.laws.ownerOf(issuance) ?? '');
      if (life !== undefined) life.duplicates += orders.length - 1;
    }
    return {
      course,
      lives: [...lives.values()],
      violations: world.laws.violations,
      orders: records.reduce((sum, { orders }) => sum + orders.size, 0),
      events: world.scheduler.events,
      hash: world.trace.hash(),
    };
  } finally {
    world.close();
  }
}

function befall(world: World, incident: Incident, random: Random): void {
  const { now } = world.scheduler;
  world.trace.add(incident.words);
  switch (incident.kind) {
    case 'ca-outage':
      for (const ca of world.authorities) ca.downUntil = now + incident.days * DAY;
      return;
    case 'vendor-outage':
      world.vendorDownUntil = now + incident.days * DAY;
      return;
    case 'relay-outage':
      for (const cluster of world.clusters.values()) cluster.down(incident.days * DAY);
      return;
    case 'deploy':
      return world.deploy(world.configuration);
    case 'ari':
      for (const ca of world.authorities) {
        for (const { id, names, notAfter } of ca.records.certificates.values()) {
          if (notAfter <= now || !random.chance(1 / 3)) continue;
          ca.incidentFor.add(id);
          const name = names.find((each) => !each.startsWith('*.'))?.split('.')[0] ?? '';
          world.laws.reasons.set(name, (world.laws.reasons.get(name) ?? 0) + 1);
        }
      }
  }
}
