/**
 * Installs a certificate with its pending key into one Nomad variable (DESIGN §7).
 *
 * Invariants: what is written fits together (key, names, dates, chain, roots); items that are not ours survive; a pair
 * that was not seen before the decision is never overwritten; a lost reply is told from somebody's edit by reading.
 */
import { PerennialError } from '../../../shared/errors.ts';
import { checkChain, readChain } from '../../../shared/x509/chain.ts';
import type { Chain } from '../../../shared/x509/chain.ts';
import type { InspectResponse, InstallRequest, InstallResponse, Target } from '../../../shared/relay/contract.ts';
import type { KeyArea } from '../keys/key-area.ts';
import type { Law } from '../law.ts';
import type { Items, Variable, VariableStore } from '../nomad/variables.ts';
import type { DeliveryRecords } from './delivery-record.ts';
import { certificatesOf } from './roots.ts';
import type { Roots } from './roots.ts';
import { decide, standingPair } from './standing-pair.ts';
import { checkTarget, drift, isUncertain, pairOf, placeOf, samePair } from './target.ts';

export interface InstallationDependencies {
  law: Pick<Law, 'targets'>;
  variables: VariableStore;
  keys: KeyArea;
  records: DeliveryRecords;
  roots: Roots;
}

/** Of a request: the edge's time mapped onto this machine (Unix ms), and the signal that ends with its deadline. */
export interface Effect {
  now(): number;
  signal: AbortSignal;
}

/** How often a write is tried again because foreign items changed in between. */
const TRIES = 5;

export class Installation {
  readonly #deps: InstallationDependencies;

  constructor(deps: InstallationDependencies) {
    this.#deps = deps;
  }

  /**
   * Throws `target_not_allowed`, `names_not_allowed`, `key_missing`, `chain_*`, `drift` (with both fingerprints in its
   * details), `nomad_*`. Repeating it after any error is safe.
   */
  async install(certificate: string, request: InstallRequest, effect: Effect): Promise<InstallResponse> {
    checkTarget(this.#deps.law, certificate, request.target, request.names);
    const chain = await readChain(request.chain);
    const pending = await this.#deps.keys.take(request.issuance, effect.signal);
    await checkChain(chain, { names: request.names, spki: pending?.spki ?? chain.leaf.spki, now: effect.now() });
    this.#deps.roots.check(certificatesOf(chain.pem), effect.now());
    const wanted: Wanted = { certificate, target: request.target, chain, key: pending?.key ?? null };
    return request.blind ? this.#installBlind(wanted, effect.signal) : this.#installReading(wanted, request, effect.signal);
  }

  /** The public side of what stands there. Throws `target_not_allowed`, `nomad_*`. */
  async inspect(certificate: string, target: Target, signal: AbortSignal): Promise<InspectResponse> {
    checkTarget(this.#deps.law, certificate, target, []);
    const variable = await this.#deps.variables.read(placeOf(target), signal);
    const pair = variable === null ? null : await standingPair(variable.items, target);
    if (variable === null || pair === null || pair.chain === null) {
      return { found: pair !== null, index: variable?.index ?? 0, chain: null, sha256: null, pairFits: pair === null ? null : false, ours: false };
    }
    const own = await this.#deps.records.own(certificate, target, signal);
    return { found: true, index: variable.index, chain: pair.chain.pem, sha256: pair.sha256, pairFits: pair.fits, ours: own.includes(pair.sha256) };
  }

  async #installReading(wanted: Wanted, request: InstallRequest, signal: AbortSignal): Promise<InstallResponse> {
    const { certificate, target, chain } = wanted;
    const { sha256 } = chain.leaf;
    const known = [...request.known, ...(await this.#deps.records.own(certificate, target, signal))];
    let standing = await this.#deps.variables.read(placeOf(target), signal);
    let pair = await pairOf(standing, target);
    const decision = decide(pair, { sha256, pem: chain.pem }, request.replaceForeign ? 'all' : known);
    if (decision === 'leave') return done(standing, target, sha256, false);
    if (decision === 'drift') throw drift(target, pair, chain.leaf.sha256);
    const key = requireKey(wanted);
    const firstSeen = pair;
    await this.#deps.records.note(certificate, target, { sha256, previous: pair !== null && pair.fits ? pair : null }, signal);
    let failure: unknown = new PerennialError('nomad_conflict', `The variable ${target.variable} keeps changing.`, { retryable: true });
    for (let attempt = 0; attempt < TRIES; attempt += 1) {
      const items: Items = { ...standing?.items, [target.certificateItem]: chain.pem, [target.keyItem]: key };
      try {
        // Each write rests on the read before it.
        // oxlint-disable-next-line no-await-in-loop
        const result = await this.#deps.variables.write(placeOf(target), items, standing?.index ?? 0, signal);
        if (result.written) return { index: result.index, sha256, changed: true, keptItems: keptItems(items, target) };
      } catch (thrown) {
        if (!isUncertain(thrown)) throw thrown;
        failure = thrown;
      }
      // oxlint-disable-next-line no-await-in-loop
      standing = await this.#deps.variables.read(placeOf(target), signal);
      // oxlint-disable-next-line no-await-in-loop
      pair = await pairOf(standing, target);
      // Our own write, whose reply got lost, or the same by another relay.
      if (pair !== null && decide(pair, { sha256, pem: chain.pem }, []) === 'leave') return done(standing, target, sha256, true);
      if (!samePair(pair, firstSeen)) throw drift(target, pair, chain.leaf.sha256);
    }
    throw failure;
  }

  /** Without `read`: the index comes from the list, and whatever else the variable holds is replaced. */
  async #installBlind(wanted: Wanted, signal: AbortSignal): Promise<InstallResponse> {
    const { certificate, target, chain } = wanted;
    const { sha256 } = chain.leaf;
    const items: Items = { [target.certificateItem]: chain.pem, [target.keyItem]: requireKey(wanted) };
    await this.#deps.records.note(certificate, target, { sha256, previous: null }, signal);
    let failure: unknown = new PerennialError('nomad_conflict', `The variable ${target.variable} keeps changing.`, { retryable: true });
    for (let attempt = 0; attempt < TRIES; attempt += 1) {
      // oxlint-disable-next-line no-await-in-loop -- each write rests on the list before it
      const listed = await this.#deps.variables.list(placeOf(target), signal);
      const index = listed.find(({ path }) => path === target.variable)?.index ?? 0;
      try {
        // oxlint-disable-next-line no-await-in-loop
        const result = await this.#deps.variables.write(placeOf(target), items, index, signal);
        if (result.written) return { index: result.index, sha256, changed: true, keptItems: [] };
      } catch (thrown) {
        if (!isUncertain(thrown)) throw thrown;
        failure = thrown;
      }
    }
    throw failure;
  }
}

interface Wanted {
  certificate: string;
  target: Target;
  chain: Chain;
  /** PEM; null when the area does not hold it (any more). */
  key: string | null;
}

function requireKey(wanted: Wanted): string {
  if (wanted.key !== null) return wanted.key;
  throw new PerennialError('key_missing', "The key of this issuance is not in the relay's key area.", {
    hint: 'It was removed, or made in another cluster. The next renewal makes a new one.',
  });
}

function done(standing: Variable | null, target: Target, sha256: string, changed: boolean): InstallResponse {
  return { index: standing?.index ?? 0, sha256, changed, keptItems: keptItems(standing?.items ?? {}, target) };
}

function keptItems(items: Items, target: Target): string[] {
  return Object.keys(items)
    .filter((name) => name !== target.certificateItem && name !== target.keyItem)
    .slice(0, 200)
    .map((name) => name.slice(0, 128));
}
