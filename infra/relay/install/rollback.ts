/**
 * Puts the pair that stood before ours back into its variable (DESIGN §7), out of the relay's own record alone: neither
 * chain nor key come with the request.
 *
 * Invariants: only the very leaf that is to be taken back is replaced; items that are not ours survive; the pair that comes
 * back fits together and is valid; a lost reply is told by reading. Once it is done a repeat does nothing.
 */
import { PerennialError } from '../../../shared/errors.ts';
import { checkChain } from '../../../shared/x509/chain.ts';
import type { RollBackRequest, RollBackResponse, Target } from '../../../shared/relay/contract.ts';
import type { Law } from '../law.ts';
import type { Variable, VariableStore } from '../nomad/variables.ts';
import type { DeliveryRecords, Replacement } from './delivery-record.ts';
import type { Effect } from './install.ts';
import { certificatesOf } from './roots.ts';
import type { Roots } from './roots.ts';
import { checkTarget, drift, isUncertain, pairOf, placeOf, samePair } from './target.ts';

export interface RollbackDependencies {
  law: Pick<Law, 'targets'>;
  variables: VariableStore;
  records: DeliveryRecords;
  roots: Roots;
}

type Pair = NonNullable<Replacement['previous']>;

/** How often a write is tried again because foreign items changed in between. */
const TRIES = 5;

export class Rollback {
  readonly #deps: RollbackDependencies;

  constructor(deps: RollbackDependencies) {
    this.#deps = deps;
  }

  /**
   * Throws `target_not_allowed`, `names_not_allowed`, `rollback_impossible` (nothing can be put back: final),
   * `drift` (another pair than `from` stands there; nothing was done), `nomad_*`. Repeating it after any error is safe.
   */
  async rollBack(certificate: string, request: RollBackRequest, effect: Effect): Promise<RollBackResponse> {
    const { target, from, to } = request;
    const { signal } = effect;
    checkTarget(this.#deps.law, certificate, target, []);
    const previous = await this.#deps.records.previous(certificate, target, signal);
    let standing = await this.#read(target, signal);
    let pair = await pairOf(standing, target);
    const wanted = to ?? previous?.sha256 ?? null;
    // Done before: by this relay, by another one, or by a call whose reply got lost.
    if (pair !== null && pair.fits && pair.sha256 === wanted) return { index: standing?.index ?? 0, sha256: wanted, changed: false };
    if (pair?.sha256 !== from) throw drift(target, pair, from);
    const back = await this.#usable(certificate, target, previous, to, effect);
    const seen = pair;
    await this.#deps.records.note(certificate, target, { sha256: back.sha256, previous: null }, signal);
    let failure: unknown = new PerennialError('nomad_conflict', `The variable ${target.variable} keeps changing.`, { retryable: true });
    for (let attempt = 0; attempt < TRIES; attempt += 1) {
      const items = { ...standing?.items, [target.certificateItem]: back.certificate, [target.keyItem]: back.key };
      try {
        // oxlint-disable-next-line no-await-in-loop -- each write rests on the read before it
        const result = await this.#deps.variables.write(placeOf(target), items, standing?.index ?? 0, signal);
        if (result.written) return { index: result.index, sha256: back.sha256, changed: true };
      } catch (thrown) {
        if (!isUncertain(thrown)) throw thrown;
        failure = thrown;
      }
      // oxlint-disable-next-line no-await-in-loop
      standing = await this.#read(target, signal);
      // oxlint-disable-next-line no-await-in-loop
      pair = await pairOf(standing, target);
      if (pair !== null && pair.fits && pair.sha256 === back.sha256) return { index: standing?.index ?? 0, sha256: back.sha256, changed: true };
      if (!samePair(pair, seen)) throw drift(target, pair, from);
    }
    throw failure;
  }

  /** A blind delivery grants no `read`, and keeps no previous pair either. */
  async #read(target: Target, signal: AbortSignal): Promise<Variable | null> {
    try {
      return await this.#deps.variables.read(placeOf(target), signal);
    } catch (thrown) {
      if (!(thrown instanceof PerennialError && thrown.code === 'nomad_forbidden')) throw thrown;
      throw impossible(target, 'The relay may not read it, so it cannot tell what stands there.', thrown.hint);
    }
  }

  /** The recorded pair, if it is the one that is meant and may be served now. */
  async #usable(certificate: string, target: Target, previous: Pair | null, to: string | null, effect: Effect): Promise<Pair> {
    if (previous === null) throw impossible(target, 'The relay keeps no pair from before.');
    if (to !== null && previous.sha256 !== to) throw impossible(target, `The pair from before is another one (SHA-256 ${previous.sha256}).`);
    const items = { [target.certificateItem]: previous.certificate, [target.keyItem]: previous.key };
    const pair = await pairOf({ index: 0, items }, target);
    if (pair === null || pair.chain === null || !pair.fits || pair.sha256 !== previous.sha256)
      throw impossible(target, 'Certificate and key of the pair from before do not fit together.');
    const { leaf, pem } = pair.chain;
    checkTarget(this.#deps.law, certificate, target, leaf.names);
    try {
      await checkChain(pair.chain, { names: leaf.names, spki: leaf.spki, now: effect.now() });
      this.#deps.roots.check(certificatesOf(pem), effect.now());
    } catch (thrown) {
      throw impossible(target, `The pair from before is of no use: ${thrown instanceof Error ? thrown.message : 'it cannot be checked.'}`);
    }
    return previous;
  }
}

function impossible(target: Target, why: string, hint?: string): PerennialError {
  return new PerennialError('rollback_impossible', `The variable ${target.variable} cannot be rolled back. ${why}`, {
    hint: hint ?? 'Mend the proxy, or renew by hand: the pair that stands there now stays until then.',
  });
}
