/**
 * What can be known before an order is spent (DESIGN §6): no zone, a zone that cannot be written, a foreign delegation,
 * broken DNSSEC, CAA. Read-only. A refusal is certain; what cannot be asked now does not hold up a renewal.
 */
import { MINUTE, type Clock } from '../../../shared/clock.ts';
import { PerennialError, unwrap } from '../../../shared/errors.ts';
import type { DnsPort } from '../../certificates/ports.ts';
import type { DnsVendor } from '../../config/configuration.ts';
import { withDelegation } from '../delegation.ts';
import { DnsError } from '../dns-error.ts';
import { challengeName, type Place } from '../placement.ts';
import type { ZonePort } from '../zone-requests.ts';
import { authoritativeCaa, type CertifiedName, checkCaa } from './caa-check.ts';
import { certifiedName, refuseLongNames } from './names.ts';
import { Questions, type QuestionDependencies } from './questions.ts';
import { refuseForeignCuts } from './zone-cut.ts';
import { checkZone, refuseBogus } from './zone-probe.ts';

/** What was found good is not asked again for this long: an order that fails for other reasons is soon tried again. */
const REMEMBER_MS = 5 * MINUTE;

/** Errors of a zone that pass by themselves: publishing waits for that, and keeps the order. */
const PASSING = new Set(['dns_unreachable', 'dns_vendor_failed', 'dns_rate_limited', 'dns_budget_spent', 'dns_zone_busy', 'dns_zone_changed']);

/** A vendor's account that does not let us in, or a zone there that cannot be written as it is: there is a way around it. */
const AVOIDABLE = new Set([
  'dns_relay_missing',
  'dns_address_not_listed',
  'dns_unauthorized',
  'dns_forbidden',
  'dns_zone_locked',
  'dns_zone_unreadable',
  'dns_zone_full',
]);

export interface PreflightDependencies extends Omit<QuestionDependencies, 'vias'> {
  vendors: readonly DnsVendor[];
  place(domains: readonly string[], vias: readonly string[]): Promise<ReadonlyMap<string, Place>>;
  zone(provider: DnsVendor['provider'], zoneId: string): Pick<ZonePort, 'examine'>;
  clock: Clock;
}

interface PlacedZone {
  vendor: DnsVendor;
  id: string;
  name: string;
  /** Names to be written there. Apex and wildcard are two values of one name. */
  targets: Map<string, number>;
}

export function createPreflight(dependencies: PreflightDependencies): DnsPort['preflight'] {
  const { vendors, clock } = dependencies;
  /** Unix ms until which a finding is taken to hold. Only what was good is remembered: a person mends the rest. */
  const good = new Map<string, number>();
  const isGood = (key: string) => (good.get(key) ?? 0) > clock();
  const remember = (keys: readonly string[]) => {
    for (const key of keys) good.set(key, clock() + REMEMBER_MS);
  };

  async function examine(zone: PlacedZone): Promise<string[] | null> {
    const records = [...zone.targets].map(([name, values]) => ({ name, values }));
    try {
      const outcome = await dependencies.zone(zone.vendor.provider, zone.id).examine({ vendor: zone.vendor, zone: { id: zone.id, name: zone.name }, records });
      return unwrap(outcome).nameServers;
    } catch (thrown) {
      if (!(thrown instanceof PerennialError) || !thrown.code.startsWith('dns_') || PASSING.has(thrown.code)) return null;
      const [challenge] = [...zone.targets.keys()].filter((name) => name === challengeName(name));
      throw zone.vendor.provider === 'namecheap' && AVOIDABLE.has(thrown.code) && challenge !== undefined
        ? await withDelegation(thrown, challenge, null, vendors)
        : thrown;
    }
  }

  async function inspectZone(zone: PlacedZone, questions: Questions): Promise<void> {
    const key = `zone ${zone.id} ${zone.name}`;
    const [first] = questions.resolvers;
    // Asked while the vendor answers; whoever asks again is given this answer.
    if (first !== undefined && !isGood(key)) void questions.resolver(first, zone.name, 'NS').catch(() => null);
    const vendorServers = await examine(zone);
    if (isGood(key)) return;
    await checkZone({ name: zone.name, vendorServers, block: zone.vendor.name }, questions);
    remember([key]);
  }

  async function inspectZones(names: readonly CertifiedName[], vias: readonly string[], questions: Questions): Promise<ReadonlyMap<string, Place>> {
    const bases = names.map(({ base }) => base);
    const places = await dependencies.place(bases, vias).catch(async (thrown: unknown) => {
      // A CNAME in a zone that does not validate cannot be seen: that is the reason then, and not that it is missing.
      const lost = thrown instanceof DnsError ? bases.find((base) => challengeName(base) === thrown.details?.['name']) : undefined;
      if (lost !== undefined) await refuseBogus(lost, questions);
      throw thrown;
    });
    const delegated = [...places].filter(([name, { target }]) => name !== target).map(([name]) => name.slice(name.indexOf('.') + 1));
    await inOrder([
      ...zonesOf(names, places, vendors).map((zone) => inspectZone(zone, questions)),
      // The CA goes through the zone of the CNAME as well.
      ...delegated.map((base) => refuseBogus(base, questions)),
    ]);
    return places;
  }

  return async (domains, authority, vias) => {
    const names = domains.map(certifiedName);
    refuseLongNames(names);
    const questions = new Questions({ ...dependencies, vias });
    const keyOf = ({ domain }: CertifiedName) => `caa ${authority.identities.join(' ')} ${authority.accountUrl} ${domain}`;
    const open = authority.identities.length === 0 ? [] : names.filter((name) => !isGood(keyOf(name)));
    const known = authoritativeCaa(
      open.map(({ base }) => base),
      questions,
    );
    const zones = inspectZones(names, vias, questions);
    const cuts = Promise.all([zones, known]).then(([places, answers]) =>
      refuseForeignCuts(
        places,
        open.map(({ base }) => ({ base, challenge: challengeName(base) })),
        answers,
        questions,
      ),
    );
    await inOrder([zones, cuts, known.then((answers) => checkCaa(open, authority, answers, questions))]);
    remember(open.map(keyOf));
  };
}

/** Waits for all, and throws what the first of them in this order threw: the same state gets the same message. */
async function inOrder(work: readonly Promise<unknown>[]): Promise<void> {
  const failure = (await Promise.allSettled(work)).find((outcome) => outcome.status === 'rejected');
  if (failure !== undefined) throw failure.reason;
}

function zonesOf(names: readonly CertifiedName[], places: ReadonlyMap<string, Place>, vendors: readonly DnsVendor[]): PlacedZone[] {
  const zones = new Map<string, PlacedZone>();
  for (const { base } of names) {
    const place = places.get(challengeName(base));
    const vendor = vendors.find(({ name }) => name === place?.vendor);
    if (place === undefined || vendor === undefined) continue;
    const key = `${place.vendor} ${place.zoneId}`;
    const zone = zones.get(key) ?? { vendor, id: place.zoneId, name: place.zoneName, targets: new Map<string, number>() };
    zones.set(key, zone);
    zone.targets.set(place.target, (zone.targets.get(place.target) ?? 0) + 1);
  }
  return [...zones.values()];
}
