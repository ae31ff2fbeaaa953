/**
 * The loop: read state, pick the next step, run its effect, persist, again; until there is nothing to do now.
 * Killing the process between any two lines is harmless: what was not persisted is decided again (DESIGN §4).
 */
import type { Clock } from '../../shared/clock.ts';
import { SECOND } from '../../shared/clock.ts';
import type { CompiledConfiguration } from '../config/configuration.ts';
import { Conversations } from './conversations.ts';
import { decide, type Step } from './decide.ts';
import { matchDeliveries } from './delivery.ts';
import { deliveryFailure, giveUpDelivery, recordFailure } from './failures.ts';
import { adopt } from './phases/adopt.ts';
import { askRenewalInfo } from './phases/ari.ts';
import { cleanUp } from './phases/clean-up.ts';
import type { CertificatePorts, PhaseContext } from './phases/context.ts';
import { deactivate } from './phases/deactivate.ts';
import { install, reload } from './phases/deliver.ts';
import { download } from './phases/download.ts';
import { finalize } from './phases/finalize.ts';
import { abandon, complete, start } from './phases/issuance.ts';
import { placeOrder } from './phases/order.ts';
import { makeRoom } from './phases/place.ts';
import { present } from './phases/present.ts';
import { propagate } from './phases/propagate.ts';
import { revoke } from './phases/revoke.ts';
import { rollBack, withdraw } from './phases/roll-back.ts';
import { validate } from './phases/validate.ts';
import { verify } from './phases/verify.ts';
import { requestBudget } from './request-budget.ts';
import type { CertificateState } from './state.ts';
import type { CertificateStore } from './store.ts';
import { applyWake } from './wakes.ts';

export interface ReconcileDependencies {
  store: CertificateStore;
  /** Called once the configuration is known to be valid: wiring needs it. */
  connect: () => CertificatePorts;
  /** Requests sent to DNS vendors, resolvers and relays so far by this object; only ever grows. */
  spent: () => { dns: number; relay: number };
  clock: Clock;
  random: () => number;
  newId: () => string;
  runner: string;
  /** The configuration in this bundle; an invalid one holds everything (issue nothing, lose nothing). */
  configuration: CompiledConfiguration;
  /** A person holds everything while a backup is brought back. */
  onHold?: boolean;
  /** Called after every step with the state as persisted. */
  onStep: (state: CertificateState) => void;
}

/** External requests after which a run yields and goes on by alarm: one more step adds at most 30 (DESIGN §13: 40 per invocation). */
const REQUESTS_PER_RUN = 10;
const STEPS_PER_RUN = 64;
/** How soon a held certificate looks again, ms. A mended file that says what was in force before wakes nobody. */
const HELD_MS = 10 * SECOND;

/**
 * Advances one certificate as far as it goes now.
 * @param single run one step only: the previous run was interrupted.
 * @returns Unix ms of the next run, or null when nothing is planned.
 */
export async function reconcile(dependencies: ReconcileDependencies, single: boolean): Promise<number | null> {
  const { store, clock } = dependencies;
  const conversations = new Conversations();
  const atStart = dependencies.spent();
  const budget = requestBudget(() => dependencies.spent().dns - atStart.dns);
  let counted = 0;
  let steps = 0;
  let insisted = false;
  for (;;) {
    const state = store.read();
    if (state === null) {
      // Nothing was specified yet: there is nothing a wake could change, and one left here would set the alarm for ever.
      store.takeWakes();
      return null;
    }
    insisted = prepare(store, state, clock()) || insisted;
    if (!dependencies.configuration.valid || dependencies.onHold === true) {
      dependencies.onStep(state);
      return clock() + HELD_MS;
    }
    const ports = dependencies.connect();
    const step = decide(state, clock());
    if (step.do === 'wait') {
      dependencies.onStep(state);
      return step.until;
    }
    const before = dependencies.spent();
    const external = conversations.requests() + before.dns - atStart.dns;
    if (external >= REQUESTS_PER_RUN || steps >= STEPS_PER_RUN || (single && steps > 0)) return clock();
    steps += 1;
    const context: PhaseContext = {
      state,
      ports,
      clock,
      random: dependencies.random,
      newId: dependencies.newId,
      runner: dependencies.runner,
      persist: () => store.write(state),
      event: (kind, message, severity) => store.event(kind, message, clock(), severity),
      budget,
      session: (authority) => {
        const own = state.issuance?.authority;
        const asked = authority ?? own ?? '';
        return conversations.with(ports.acme, asked, asked === own ? (state.issuance?.nonce ?? null) : null, { budget, insist: insisted });
      },
    };
    const failedBefore = deliveryFailure(state, step);
    try {
      await run(step, context, store);
      clearFailure(state, step);
      giveUpDelivery(context, step, failedBefore);
    } catch (error) {
      recordFailure(context, step, error);
      await makeRoom(context);
    }
    const asked = conversations.requests();
    if (state.issuance !== null) {
      state.issuance.requests.acme += asked - counted;
      state.issuance.nonce = conversations.of(state.issuance.authority)?.nonce() ?? state.issuance.nonce;
    }
    counted = asked;
    if (state.issuance !== null) {
      const after = dependencies.spent();
      state.issuance.requests.dns += after.dns - before.dns;
      state.issuance.requests.relay += after.relay - before.relay;
    }
    store.write(state);
    dependencies.onStep(state);
  }
}

/** Wakes and a changed specification, as edits of the state. @returns whether a person asked for the certificate. */
function prepare(store: CertificateStore, state: CertificateState, now: number): boolean {
  const wanted = store.takeRevocation();
  if (wanted !== null) state.record.revocation = { ...wanted, at: now, failure: null };
  const reasons = store.takeWakes();
  for (const reason of reasons) applyWake(state, reason, now);
  if (state.issuance === null && state.record.adoptionDone) state.deliveries = matchDeliveries(state);
  store.write(state);
  return reasons.includes('renew') || reasons.includes('force');
}

/** Steps that do not move the issuance on. */
const BESIDE: ReadonlySet<Step['do']> = new Set(['clean-up', 'revoke', 'deactivate']);

/** A phase that went through has no failure any more; deliveries keep theirs themselves. */
function clearFailure(state: CertificateState, step: Step): void {
  if (state.issuance !== null && !('delivery' in step) && !BESIDE.has(step.do)) state.issuance.failure = null;
}

async function run(step: Step, context: PhaseContext, store: CertificateStore): Promise<void> {
  switch (step.do) {
    case 'adopt':
      return adopt(context);
    case 'defer':
      context.state.record.guardedUntil = step.until;
      return undefined;
    case 'start':
      return start(context, step.reason);
    case 'ari':
      return askRenewalInfo(context);
    case 'revoke':
      return revoke(context);
    case 'deactivate':
      return deactivate(context);
    case 'order':
      return placeOrder(context);
    case 'present':
      return present(context);
    case 'propagate':
      return propagate(context);
    case 'validate':
      return validate(context);
    case 'finalize':
      return finalize(context);
    case 'download':
      return download(context);
    case 'clean-up':
      return cleanUp(context);
    case 'install':
      return install(context, step.delivery);
    case 'reload':
      return reload(context, step.delivery);
    case 'verify':
      return verify(context, step.delivery);
    case 'roll-back':
      return rollBack(context, step.delivery);
    case 'withdraw':
      return store.finish(await withdraw(context));
    case 'complete':
      return store.finish(await complete(context));
    case 'abandon':
      return store.finish(await abandon(context));
    case 'wait':
      return undefined;
  }
}
