/** The course of one seed: bad weather with whatever people do meanwhile, calm, a renewal in bad weather, calm again. */
import type { Random } from './random.ts';
import { drawWeather, CALM } from './weather.ts';
import type { World } from './world/world.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const SETTLED_WITHIN = 4 * DAY;
/** A person looks this often at what is shown as needing one. */
const PERSON_MS = 12 * HOUR;

export async function play(world: World, random: Random): Promise<void> {
  world.apply();
  strangers(world, random);
  // In calm weather less often than it really is: nothing new comes of it.
  every(
    world,
    () => (world.weather === CALM ? 6 : 1) * HOUR,
    () => world.fleet.sweep(),
  );
  every(
    world,
    () => (world.weather === CALM ? 360 : 40) * MINUTE,
    () => [...world.clusters.values()].forEach((cluster) => cluster.look()),
  );
  await storm(world, random, stormLength(random));
  await calm(world, 'after the first storm');
  if (broken(world)) return;
  if (random.chance(0.65)) {
    for (const name of random.some(world.names)) force(world, name);
    await storm(world, random, stormLength(random));
  } else {
    // The next renewals, as the clock wants them.
    const dues = [...world.fleet.rows.values()].map(({ view }) => view.renewal?.at ?? Number.POSITIVE_INFINITY);
    const due = Math.min(...dues);
    if (due - world.scheduler.now < 5 * DAY) await run(world, Math.max(0, due - world.scheduler.now - HOUR));
    else for (const name of random.some(world.names)) force(world, name);
    if (broken(world)) return;
    await storm(world, random, HOUR + stormLength(random));
  }
  await calm(world, 'after the second storm');
}

/** Most are short: what goes wrong does so within the first minutes of a renewal. */
function stormLength(random: Random): number {
  return random.between(10, random.chance(0.25) ? 240 : 50) * MINUTE;
}

async function storm(world: World, random: Random, length: number): Promise<void> {
  world.weather = drawWeather(random);
  const deeds = random.between(0, 6);
  for (let deed = 0; deed < deeds; deed += 1) world.scheduler.after(random.between(0, length), () => act(world, random));
  await run(world, length);
  world.weather = CALM;
  world.vendorDownUntil = 0;
  for (const ca of world.authorities) ca.downUntil = 0;
  for (const { nomad } of world.clusters.values()) for (const proxy of nomad.proxies) world.recover(proxy);
}

/** Something that happens to the world, or that somebody does. */
function act(world: World, random: Random): void {
  const name = random.pick(world.names);
  const cluster = random.pick([...world.clusters.values()]);
  const proxy = cluster.nomad.proxies.length === 0 ? undefined : random.pick(cluster.nomad.proxies);
  const deeds: (() => void)[] = [
    () => world.wake(name, 'renew'),
    () => force(world, name),
    () => world.wake(name, 'redeliver'),
    () => world.deploy(world.configuration),
    () => cluster.down(random.between(1, 3 * 60) * MINUTE),
    () => void (random.pick(world.authorities).downUntil = world.scheduler.now + random.between(1, 4 * 60) * MINUTE),
    () => void (world.vendorDownUntil = world.scheduler.now + random.between(1, 3 * 60) * MINUTE),
    () => proxy !== undefined && void (proxy.mood = random.pick(['slow', 'away', 'cut', 'stuck'] as const)),
    () => strangers(world, random),
    () => {
      const [delivery] = world.specOf(name)?.deliveries ?? [];
      if (delivery !== undefined) world.clusters.get(delivery.cluster)?.nomad.edit(delivery.target.variable, { note: `by hand ${random.between(0, 99)}` });
    },
    () => rename(world, name, random),
  ];
  const deed = random.pick(deeds);
  deed();
}

function force(world: World, name: string): void {
  world.laws.reasons.set(name, (world.laws.reasons.get(name) ?? 0) + 1);
  world.wake(name, 'force');
}

/** Another name for a certificate: its specification changes while whatever happens happens. */
function rename(world: World, name: string, random: Random): void {
  const certificates = world.configuration.certificates.map((spec) => {
    if (spec.name !== name) return spec;
    const [first = ''] = spec.domains;
    return { ...spec, domains: [...new Set([...spec.domains, `n${random.between(1, 9)}.${first.replace(/^\*\./, '').split('.').slice(-2).join('.')}`])] };
  });
  world.laws.reasons.set(name, (world.laws.reasons.get(name) ?? 0) + 1);
  world.deploy({ ...world.configuration, certificates });
}

/** Records of other people, among them challenge records of another client. */
function strangers(world: World, random: Random): void {
  for (const zone of world.dns.zones) {
    const name = random.pick(world.names);
    const [domain = ''] = world.specOf(name)?.domains ?? [];
    const challenge = `_acme-challenge.${domain.replace(/^\*\./, '')}`;
    if (challenge.endsWith(`.${zone.name}`) && random.chance(0.3))
      world.dns.add(zone, { type: 'TXT', name: challenge, value: `somebody-elses-${random.between(1, 1e6)}`, comment: '', ttl: 300, foreign: true });
    world.dns.add(zone, { type: 'A', name: `host${random.between(1, 1e6)}.${zone.name}`, value: '192.0.2.7', comment: '', ttl: 300, foreign: true });
  }
}

/** No faults any more: everything has to become live, with a person's help where the page asks for it. */
async function calm(world: World, when: string): Promise<void> {
  const { scheduler } = world;
  const end = scheduler.now + SETTLED_WITHIN;
  let person = scheduler.now + HOUR;
  while (scheduler.now < end && !broken(world)) {
    // oxlint-disable-next-line no-await-in-loop -- time passes in order
    await scheduler.run(
      Math.min(end, scheduler.now + 10 * MINUTE),
      () => world.check(),
      () => broken(world),
    );
    if (world.unsettled().length === 0) break;
    if (scheduler.now < person) continue;
    person = scheduler.now + PERSON_MS;
    for (const name of world.names) world.help(name);
  }
  if (broken(world)) return;
  for (const text of world.unsettled()) world.laws.violation('every state reaches live', `${text} (${when})`);
  world.laws.bounded();
}

export async function run(world: World, ms: number): Promise<void> {
  await world.scheduler.run(
    world.scheduler.now + ms,
    () => world.check(),
    () => broken(world),
  );
}

function broken(world: World): boolean {
  return world.laws.violations.length > 0;
}

/** @param pause ms until the next time. */
export function every(world: World, pause: () => number, work: () => void): void {
  const tick = () => {
    work();
    world.scheduler.after(pause(), tick);
  };
  world.scheduler.after(pause(), tick);
}
