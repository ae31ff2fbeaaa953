/**
 * Takes a pair back that the proxy cannot serve (DESIGN §7). The decision is written down before anything is done, so that
 * a crash resumes it; the relay's repeat of it is a no-op. What was rolled back is quarantined and its issuance ends.
 */
import { PerennialError } from '../../../shared/errors.ts';
import { moment } from '../../../shared/moment.ts';
import { describeVerdicts, startDelivery } from '../delivery.ts';
import { holdAfterRollback, quarantine, rollbackStale, type WantedRollback, withdrawnDeliveries } from '../rollback.ts';
import type { DeliveryState, HistoryEntry } from '../state.ts';
import { enterPhase, issuanceOf, type PhaseContext } from './context.ts';
import { afterStep, deliveryOf } from './deliver.ts';
import { historyEntry } from './issuance.ts';

/** Answers that no repeat changes: there is nothing to put back, or it is not ours to replace any more. */
const FINAL: ReadonlySet<string> = new Set(['rollback_impossible', 'drift', 'target_not_allowed', 'names_not_allowed']);

export function beginRollback(context: PhaseContext, delivery: DeliveryState, { from, to }: WantedRollback): void {
  delivery.rollback = { from, to, at: context.clock(), done: false };
  delivery.failure = null;
  delivery.retryAt = 0;
  const { service, cluster } = delivery.spec;
  context.event(
    'rolling-back',
    `${service} in ${cluster} served a valid certificate before and cannot serve the new one (SHA-256 ${from}). ${describeVerdicts(delivery.instances)} The one before (SHA-256 ${to}) is put back.`,
    'critical',
  );
  context.persist();
}

export async function rollBack(context: PhaseContext, id: string): Promise<void> {
  const delivery = deliveryOf(context, id);
  const { state, ports, clock } = context;
  const { rollback, spec } = delivery;
  if (rollback === null) throw new PerennialError('internal_no_rollback', 'A rollback ran that nobody had decided.');
  if (rollbackStale(state, delivery, clock())) {
    const { sha256 } = await ports.relay.inspect(spec.cluster, state.record.name, { target: spec.target });
    if (sha256 === rollback.from) {
      // It was never done, and the proxy may have come round: the dials decide anew.
      delivery.rollback = null;
      afterStep(context, delivery);
      context.persist();
      return;
    }
  }
  try {
    const answer = await ports.relay.rollBack(spec.cluster, state.record.name, { target: spec.target, from: rollback.from, to: rollback.to });
    delivery.index = answer.index;
    delivery.installed = answer.sha256;
  } catch (error) {
    if (!(error instanceof PerennialError) || !FINAL.has(error.code)) throw error;
    impossible(context, delivery, rollback.from, error);
    return;
  }
  delivery.wanted = delivery.installed;
  delivery.rollback = { ...rollback, done: true };
  // Until the proxies have loaded the pair that came back, what they serve is the old one.
  delivery.known = [...new Set([rollback.from, ...delivery.known])].slice(0, 8);
  delivery.replaceForeign = false;
  delivery.step = spec.reload === 'watch' ? 'verify' : 'reload';
  afterStep(context, delivery);
  state.record.quarantined = quarantine(state.record.quarantined, rollback.from);
  context.event(
    'rolled-back',
    `The pair before (SHA-256 ${delivery.installed}) is back in ${spec.target.variable} in ${spec.cluster}. The new one (SHA-256 ${rollback.from}) is quarantined: it is never installed again.`,
    'critical',
  );
  context.persist();
}

/** On its way: it stays, and the dials go on. Withdrawn already: the live pair may still be deliverable as any other. */
function impossible(context: PhaseContext, delivery: DeliveryState, from: string, error: PerennialError): void {
  const { record, live } = context.state;
  context.event('rollback-impossible', `${delivery.spec.service} in ${delivery.spec.cluster} could not be rolled back. ${error.message}`, 'critical');
  if (record.quarantined.includes(from) && live !== null) {
    delivery.rollback = null;
    Object.assign(delivery, startDelivery(delivery, live.leaf.sha256, false));
  } else {
    delivery.rollback = { from, to: null, at: context.clock(), done: true };
    afterStep(context, delivery);
  }
  context.persist();
}

/**
 * Ends the issuance whose certificate was rolled back somewhere. It cannot become live; the one before stays, its other
 * deliveries go back to it, and the next issuance waits.
 */
export async function withdraw(context: PhaseContext): Promise<HistoryEntry> {
  const { state, clock, random } = context;
  const issuance = issuanceOf(context);
  const { record, live } = state;
  const withdrawn = issuance.issued?.leaf.sha256;
  if (withdrawn === undefined || live === null)
    throw new PerennialError('internal_nothing_withdrawn', 'Only what was issued over a live certificate can be withdrawn.');
  const now = clock();
  const where = state.deliveries
    .filter(({ rollback }) => rollback?.from === withdrawn && rollback.done && rollback.to !== null)
    .map(({ spec }) => `${spec.service} in ${spec.cluster}`);
  const message = `The new certificate (SHA-256 ${withdrawn}) was rolled back: ${where.join(', ')} could not serve it. The one before stays, valid until ${moment(live.leaf.notAfter)}.`;
  enterPhase(context, 'idle');
  const entry = historyEntry(issuance, now, 'failed', message);
  state.issuance = null;
  state.deliveries = withdrawnDeliveries(state.deliveries, withdrawn, live.leaf.sha256, now);
  record.demand = null;
  // What came of the specification before says nothing about the one that is wanted now.
  const superseded = JSON.stringify(issuance.spec) !== JSON.stringify(record.spec);
  record.hold = superseded ? null : holdAfterRollback(state, message, now, random());
  context.event('withdrawn', message, 'critical');
  context.persist();
  // Best effort, as for any key that is of no use any more: the relay sweeps it after 30 days.
  if (issuance.key !== null) await context.ports.relay.removeKey(issuance.key.cluster, issuance.id).catch(() => undefined);
  return entry;
}
