/**
 * Declared records of the whole deployment: finds out what each is to hold and in which zone, and tells the zones. Level-
 * triggered and safe to repeat: a run reads what is known, asks what is due, and tells every zone whose part has changed.
 * The zones themselves plan, wait for approval and write.
 */
import { DAY, HOUR, SECOND, type Clock } from '../../shared/clock.ts';
import { PerennialError, toPerennialError } from '../../shared/errors.ts';
import { hashText } from '../../shared/link/signatures.ts';
import type { DeclareRequest } from '../dns/zone-requests.ts';
import { followInstances } from './instances.ts';
import { recordsDeclarationSchema, type FoundZone, type RecordsDeclaration, type RecordsPorts } from './ports.ts';
import type { KnownPlace, KnownZone } from './rows.ts';
import { askAgainAt, describeSource, resolve, sourcesOf, type KnownSource, type Source } from './sources.ts';
import type { RecordsStatus, RecordStatus } from './status.ts';
import { RecordsStore } from './store.ts';
import { declarationsOf, zoneKey, type PlacedDeclaration } from './zone-declarations.ts';

/** A zone may come to hold a name that its parent held before: every name is looked up anew each day. */
const PLACE_AGAIN_MS = DAY;
const FIRST_RETRY_MS = 30 * SECOND;
const LONGEST_RETRY_MS = HOUR;
/** Names looked up in one run: vendors remember zones, so that most cost no request. */
const PLACES_PER_RUN = 100;
/** Records one zone is told, as its request allows. */
const MAX_RECORDS_PER_ZONE = 1_000;

export interface RecordsDependencies {
  storage: DurableObjectStorage;
  /** Ports for this declaration: they reach its vendors and CAs. */
  ports: (declaration: RecordsDeclaration) => RecordsPorts;
  clock: Clock;
}

export class Records {
  readonly #store: RecordsStore;
  readonly #dependencies: RecordsDependencies;
  /** Kept as long as the declaration: they remember zones for a while. */
  #ports: RecordsPorts | null = null;
  /** Declarations taken in this life; a run that began before the last one goes on with the one it began with. */
  #taken = 0;

  constructor(dependencies: RecordsDependencies) {
    this.#dependencies = dependencies;
    this.#store = new RecordsStore(dependencies.storage);
  }

  /**
   * Takes a declaration; one of an older generation is ignored. The same again has every zone told anew, in case one has
   * lost its state. @returns the generation in force here.
   */
  apply(received: RecordsDeclaration): number {
    const declaration = recordsDeclarationSchema.parse(received);
    const known = this.#store.declaration();
    if (known !== null && declaration.generation < known.generation) return known.generation;
    this.#store.receive(declaration);
    this.#ports = null;
    this.#taken += 1;
    const now = this.#dependencies.clock();
    for (const [key, zone] of this.#store.zones.all()) this.#store.zones.put(key, { ...zone, told: null, askAt: Math.min(zone.askAt, now) });
    if (known === null || JSON.stringify(known.vendors) === JSON.stringify(declaration.vendors)) return declaration.generation;
    for (const [name, place] of this.#store.places.all()) this.#store.places.put(name, { ...place, askAt: now, failures: 0 });
    return declaration.generation;
  }

  /** Does what is due. @returns Unix ms of the next run; null when nothing is declared any more. Throws only what the storage throws. */
  async run(): Promise<number | null> {
    const declaration = this.#store.declaration();
    if (declaration === null) return null;
    const taken = this.#taken;
    this.#ports ??= this.#dependencies.ports(declaration);
    const ports = this.#ports;
    await this.#askSources(declaration, ports);
    await this.#placeNames(declaration, ports);
    await this.#tellZones(declaration, ports);
    const now = this.#dependencies.clock();
    this.#store.checked(now);
    return taken === this.#taken ? this.#nextAt(declaration) : now;
  }

  status(nextAt: number | null): RecordsStatus {
    const declaration = this.#store.declaration();
    const placed = declaration === null ? [] : this.#placed(declaration);
    const places = this.#store.places.all();
    const zones = this.#store.zones.all();
    return {
      generation: declaration?.generation ?? null,
      checkedAt: this.#store.checkedAt(),
      nextAt,
      records: placed.map((each) => statusOf(each, places.get(placeName(each.record.name)), zones)),
      zones: [...zones.values()].map(({ found, toldAt, failure }) => ({
        ...zoneOf(found),
        toldAt,
        records: placed.filter(({ place }) => place !== null && zoneKey(place) === zoneKey(found)).length,
        failure,
      })),
    };
  }

  async #askSources(declaration: RecordsDeclaration, ports: RecordsPorts): Promise<void> {
    const sources = sourcesOf(declaration.records);
    this.#store.sources.keep(sources.map(({ key }) => key));
    const known = this.#store.sources.all();
    const now = this.#dependencies.clock();
    const due = sources.filter(({ key }) => (known.get(key)?.askAt ?? 0) <= now);
    await Promise.all(due.map(async (source) => this.#store.sources.put(source.key, await this.#askSource(source, known.get(source.key), ports))));
  }

  async #askSource(source: Source, known: KnownSource | undefined, ports: RecordsPorts): Promise<KnownSource> {
    const { clock } = this.#dependencies;
    try {
      const next = () => ({ askAt: askAgainAt(source.kind, 0, clock()), failures: 0, why: null });
      if (source.kind === 'authority') {
        const identity = await ports.authority(source.name);
        // The first certificate registers an account within minutes; until then the CA itself is not asked.
        return { kind: 'authority', identity, ...next(), ...(identity.accountUrl === null ? { askAt: askAgainAt('authority', 1, clock()) } : {}) };
      }
      const instances = await ports.instances(source);
      return { kind: 'instances', followed: followInstances(known?.kind === 'instances' ? known.followed : [], instances, clock()), ...next() };
    } catch (thrown) {
      const failures = (known?.failures ?? 0) + 1;
      const failed = { askAt: askAgainAt(source.kind, failures, clock()), failures, why: toPerennialError(thrown).message };
      if (source.kind === 'authority') return { kind: 'authority', identity: known?.kind === 'authority' ? known.identity : null, ...failed };
      return { kind: 'instances', followed: known?.kind === 'instances' ? known.followed : [], ...failed };
    }
  }

  async #placeNames(declaration: RecordsDeclaration, ports: RecordsPorts): Promise<void> {
    const names = [...new Set(declaration.records.map(({ name }) => placeName(name)))];
    this.#store.places.keep(names);
    const known = this.#store.places.all();
    const now = this.#dependencies.clock();
    const due = names.filter((name) => (known.get(name)?.askAt ?? 0) <= now).slice(0, PLACES_PER_RUN);
    // One after the other: the answer for one name tells where its neighbours are.
    for (const name of due) this.#store.places.put(name, await this.#placeName(name, known.get(name), ports));
  }

  async #placeName(name: string, known: KnownPlace | undefined, ports: RecordsPorts): Promise<KnownPlace> {
    try {
      const { vendor, zone } = await ports.place(name);
      return { found: { vendor, zone: { id: zone.id, name: zone.name } }, askAt: this.#dependencies.clock() + PLACE_AGAIN_MS, failures: 0, failure: null };
    } catch (thrown) {
      const failure = toPerennialError(thrown);
      const failures = (known?.failures ?? 0) + 1;
      return { found: known?.found ?? null, askAt: this.#retryAt(failures, failure), failures, failure: failure.toData() };
    }
  }

  async #tellZones(declaration: RecordsDeclaration, ports: RecordsPorts): Promise<void> {
    const told = this.#store.zones.all();
    const requests = declarationsOf(
      this.#placed(declaration),
      [...told.values()].map(({ found }) => found),
      declaration.generation,
    );
    for (const [key, request] of requests) {
      const known = told.get(key);
      const hash = await hashText(JSON.stringify(request));
      const now = this.#dependencies.clock();
      if (known?.told === hash || (known !== undefined && known.failures > 0 && known.askAt > now)) continue;
      await this.#tell(key, request, { hash, known, ports });
    }
  }

  async #tell(
    key: string,
    request: DeclareRequest,
    { hash, known, ports }: { hash: string; known: KnownZone | undefined; ports: RecordsPorts },
  ): Promise<void> {
    const { clock } = this.#dependencies;
    const found = { vendor: request.vendor, zone: request.zone };
    const zone: KnownZone = known ?? { found, told: null, toldAt: null, askAt: 0, failures: 0, failure: null };
    // Before the call: whatever comes of it, the zone may hold records of ours from now on.
    this.#store.zones.put(key, { ...zone, found });
    try {
      if (request.records.length > MAX_RECORDS_PER_ZONE)
        throw new PerennialError(
          'dns_refused',
          `${request.records.length} records are declared in ${request.zone.name}; ${MAX_RECORDS_PER_ZONE} are possible.`,
        );
      await ports.declare(request);
      if (request.records.length + request.held.length === 0) this.#store.zones.remove(key);
      else this.#store.zones.put(key, { ...zone, found, told: hash, toldAt: clock(), askAt: 0, failures: 0, failure: null });
    } catch (thrown) {
      const failure = toPerennialError(thrown);
      const failures = zone.failures + 1;
      this.#store.zones.put(key, { ...zone, found, told: null, askAt: this.#retryAt(failures, failure), failures, failure: failure.toData() });
    }
  }

  /** A place that a block found which is no longer configured so is forgotten as soon as nobody confirms it. */
  #placed({ records, vendors }: RecordsDeclaration): PlacedDeclaration[] {
    const sources = this.#store.sources.all();
    const places = this.#store.places.all();
    const configured = new Set(vendors.map((vendor) => JSON.stringify(vendor)));
    return records.map((record) => {
      const place = places.get(placeName(record.name));
      const valid = place !== undefined && place.found !== null && configured.has(JSON.stringify(place.found.vendor));
      return { record, resolved: resolve(record, (key) => sources.get(key)), place: valid ? place.found : null };
    });
  }

  #nextAt({ records }: RecordsDeclaration): number | null {
    const zones = [...this.#store.zones.all().values()];
    if (records.length === 0 && zones.length === 0) return null;
    const asked = [...this.#store.sources.all().values(), ...this.#store.places.all().values()].map(({ askAt }) => askAt);
    const names = new Set(records.map(({ name }) => placeName(name)));
    const unplaced = names.size > this.#store.places.all().size ? [this.#dependencies.clock()] : [];
    return Math.min(...asked, ...unplaced, ...zones.filter(({ told }) => told === null).map(({ askAt }) => askAt), this.#dependencies.clock() + PLACE_AGAIN_MS);
  }

  #retryAt(failures: number, { retryAt }: PerennialError): number {
    const wait = Math.min(FIRST_RETRY_MS * 2 ** Math.min(failures - 1, 10), LONGEST_RETRY_MS);
    return Math.max(this.#dependencies.clock() + wait, retryAt ?? 0);
  }
}

function statusOf({ record, resolved, place }: PlacedDeclaration, known: KnownPlace | undefined, zones: ReadonlyMap<string, KnownZone>): RecordStatus {
  const zone = place === null ? undefined : zones.get(zoneKey(place));
  const failure = place === null ? (known?.failure ?? null) : (zone?.failure ?? null);
  const held = 'held' in resolved ? resolved.held : null;
  const pending = failure === null && (zone === undefined || zone.toldAt === null);
  return {
    name: record.name,
    type: record.type,
    source: describeSource(record),
    state: failure !== null ? 'failing' : pending ? 'pending' : held !== null ? 'held' : 'declared',
    values: 'values' in resolved ? resolved.values : [],
    held,
    zone: place === null ? null : zoneOf(place),
    failure,
  };
}

function zoneOf({ vendor, zone }: FoundZone): NonNullable<RecordStatus['zone']> {
  return { provider: vendor.provider, vendor: vendor.name, zoneId: zone.id, zoneName: zone.name };
}

/** A wildcard lies where its parent's children lie. */
function placeName(name: string): string {
  return name.startsWith('*.') ? name.slice(2) : name;
}
