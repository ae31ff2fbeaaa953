/**
 * Carries the ledger's wishes to a vendor that replaces whole zones, so that no record of anybody can get lost: one step at
 * a time, each decided from what is stored (`table-step.ts`), driven by the ZoneObject's alarm.
 *
 *   gather → survey → read A → SRV list → snapshot, intent → replace (the relay reads B) → read C → settle → … → SRV list
 *
 * Invariants: a list is written only over the very list it was planned on; nothing is written while an earlier write may
 * still take effect; what is not in the ledger is never added, changed or removed; a doubt is settled by reading.
 */
import { MINUTE, SECOND, HOUR } from '../../shared/clock.ts';
import { toPerennialError, type PerennialError } from '../../shared/errors.ts';
import { DnsError } from './dns-error.ts';
import { DECLARED, type LedgerEntry } from './ledger-entry.ts';
import type { HostTable } from '../../shared/namecheap/host-table.ts';
import type { ReadTable } from './provider.ts';
import type { CallPurpose } from './table-budget.ts';
import { CALLS_OF_A_WRITE } from './table-calls.ts';
import { isOurs, liveEntries, stop, zoneName, type TableContext } from './table-context.ts';
import { planTable, type TablePlan } from './table-plan.ts';
import { believe, closeBurst, openBurst, survey } from './table-reading.ts';
import { send } from './table-sending.ts';
import type { Attempt } from './table-state.ts';
import { isBelieved, nextStep, type Scene, type Step } from './table-step.ts';
import { judgeWrite } from './table-verdict.ts';

/** Steps of one run: a renewal's half needs six. */
const MAX_STEPS = 12;
/** Writes in a row that may come out otherwise than planned. */
const MAX_ROUNDS = 3;
/** Failed reads in a row after which those who wait are told. */
const READS_BEFORE_FAILURE = 3;
const LONGEST_READ_WAIT_MS = HOUR;
/** Errors that may mean that the zone is not what the vendor said it is. */
const SURVEY_AGAIN: ReadonlySet<string> = new Set(['dns_not_delegated', 'dns_zone_locked', 'dns_zone_not_found', 'dns_forbidden']);
/** The vendor answers, with a list that we would never write. */
const UNKEEPABLE: ReadonlySet<string> = new Set(['dns_zone_unreadable', 'dns_zone_locked']);
/** The relay's law does not let us. */
const FORBIDDEN = 'dns_change_not_allowed';
/** Nothing failed: it is not the time yet. */
const NOT_YET: ReadonlySet<string> = new Set(['dns_budget_spent', 'dns_rate_limited']);

export class TableWriter {
  readonly #context: TableContext;

  constructor(context: TableContext) {
    this.#context = context;
  }

  /** Does what can be done now. Never throws: what fails is stored, and waits. */
  async run(): Promise<void> {
    for (let steps = 0; steps < MAX_STEPS; steps += 1) {
      const step = nextStep(this.scene(), this.#context.clock());
      if (step.do === 'nothing' || step.do === 'wait') return;
      try {
        await this.#take(step.do);
      } catch (thrown) {
        this.#fail(thrown);
      }
    }
  }

  /** Unix ms of the next run; null when there is nothing to do. */
  next(): number | null {
    const now = this.#context.clock();
    const step = nextStep(this.scene(), now);
    if (step.do === 'nothing') return null;
    return step.do === 'wait' ? step.until : now;
  }

  scene(): Scene {
    const { store, ledger } = this.#context;
    const attempt = store.attempt();
    const entries = liveEntries(this.#context);
    return {
      progress: store.progress(),
      known: store.known(),
      attempt,
      stopped: store.stopped(),
      gathering: store.gathering(),
      intent: attempt === null ? ledger.intent() : null,
      pending: this.#pending(entries).length,
      challenges: entries.filter(({ owner, state }) => owner !== DECLARED && state !== 'removing').length,
    };
  }

  async #take(step: Exclude<Step['do'], 'nothing' | 'wait'>): Promise<void> {
    const purpose = this.#purpose();
    switch (step) {
      case 'verify':
        return this.#verify();
      case 'survey':
        return survey(this.#context, purpose);
      case 'read':
        return this.#read(purpose);
      case 'write':
        return this.#write(purpose);
      case 'close-burst':
        return closeBurst(this.#context);
    }
  }

  async #read(purpose: CallPurpose): Promise<void> {
    const { store, calls } = this.#context;
    await calls.spend(1, purpose);
    const { revision } = store.progress();
    const read = await calls.read();
    if (store.progress().revision === revision) believe(this.#context, read);
  }

  async #write(purpose: CallPurpose): Promise<void> {
    const { store, calls, clock } = this.#context;
    const { burst, revision } = store.progress();
    if (!this.#plan()?.changed) return this.#settleKnown();
    if (burst === null) return openBurst(this.#context, purpose);
    await calls.spend(CALLS_OF_A_WRITE, purpose);
    const known = store.known();
    // Planned anew: rows may have come or gone meanwhile. No await from here to the intent.
    const plan = this.#plan();
    if (store.progress().revision !== revision || known === null || !isBelieved(known, store.progress(), clock())) return;
    if (!plan?.changed) return this.#settleKnown();
    const sending = {
      kind: 'change',
      before: known.table,
      text: known.text,
      write: plan.write,
      adding: plan.adding,
      reason: reasonOf(plan, known.table),
    } as const;
    try {
      await send(this.#context, sending);
    } catch (thrown) {
      if (!(thrown instanceof DnsError)) throw thrown;
      if (thrown.code === FORBIDDEN && this.#leaveOutDeclared(thrown)) return;
      if (thrown.code !== 'dns_zone_changed') throw thrown;
      store.outdate();
      this.#anotherRound(thrown);
    }
  }

  /** The relay's law may allow challenges alone: then no declared record holds them up. @returns whether there was one in the write. */
  #leaveOutDeclared(error: DnsError): boolean {
    const { ledger, clock } = this.#context;
    const declared = this.#wishes(liveEntries(this.#context)).filter(({ owner }) => owner === DECLARED);
    if (declared.length === 0) return false;
    ledger.noteFailure(error.toData(), clock());
    this.#refuse(declared.map(({ id }) => ({ entry: id, error: error.toData() })));
    return true;
  }

  #refuse(refusals: TablePlan['refusals']): void {
    const { store } = this.#context;
    const alive = new Set(liveEntries(this.#context).map(({ id }) => id));
    store.update({ refusals: [...store.progress().refusals.filter(({ entry }) => alive.has(entry)), ...refusals] });
  }

  /** Reads back what was written, and decides what it means. */
  async #verify(): Promise<void> {
    const { store, calls, clock } = this.#context;
    const attempt = store.attempt();
    if (attempt === null) return;
    let read: ReadTable;
    try {
      // The first is paid with the write.
      if (attempt.reads + attempt.failures > 0 || clock() >= attempt.over) await calls.spend(1, 'challenge');
      read = await calls.read();
    } catch (thrown) {
      if (store.attempt()?.id === attempt.id) this.#readLater(attempt, toPerennialError(thrown));
      return;
    }
    const held = store.attempt();
    if (held?.id === attempt.id) this.#conclude(held, read, clock());
  }

  #conclude(attempt: Attempt, read: ReadTable, now: number): void {
    const { store } = this.#context;
    const verdict = judgeWrite(attempt, read.table, isOurs(this.#context), now);
    switch (verdict.is) {
      case 'travelling':
        return store.setAttempt({ ...attempt, failures: 0, readAt: attempt.over });
      case 'unclear':
        // What was seen once counts as the vendor's word: one list that is short must not take it back.
        return store.setAttempt({
          ...attempt,
          acknowledged: attempt.acknowledged || verdict.seen,
          failures: 0,
          readAt: verdict.readAt,
          reads: attempt.reads + 1,
        });
      case 'as-planned':
        return this.#verified(attempt, read, now);
      case 'incomplete':
        this.#close(attempt);
        if (believe(this.#context, read)) this.#settle(read.table);
        return this.#anotherRound(unkept(zoneName(this.#context)));
      case 'without-effect':
        this.#close(attempt);
        this.#withdrawProof(attempt);
        if (attempt.kind === 'restore') return this.#restoreFailed();
        if (believe(this.#context, read)) this.#settle(read.table);
        return this.#anotherRound(unkept(zoneName(this.#context)));
      case 'foreign-change':
        this.#close(attempt);
        return stop(this.#context, {
          message: `records that are not ours are not as they were written a moment before.`,
          lines: verdict.lines,
          snapshot: attempt.snapshot,
        });
    }
  }

  #verified(attempt: Attempt, read: ReadTable, now: number): void {
    const { store, ledger, raise } = this.#context;
    this.#close(attempt);
    store.setKnown({ at: now, table: read.table, text: read.text, current: true });
    store.update({ rounds: 0, pause: null });
    if (attempt.kind === 'restore' && store.stopped() !== null) store.setStopped(null);
    this.#settle(read.table);
    ledger.noteSuccess(now);
    if (attempt.kind === 'restore') raise('zone_restored', 'info', `${zoneName(this.#context)} was put back as a snapshot has it, and writing goes on.`);
  }

  /** Nobody else thinks of a challenge's value. A declared record that is there by and by may be somebody else's. */
  #withdrawProof({ acknowledged, firstSent }: Attempt): void {
    const { ledger } = this.#context;
    const declared = ledger.entries(firstSent).filter(({ owner }) => owner === DECLARED);
    if (!acknowledged) ledger.markUnsent(declared.map(({ id }) => id));
  }

  #close(attempt: Attempt): void {
    this.#context.store.setAttempt(null);
    this.#context.ledger.clearIntent(attempt.id);
  }

  #restoreFailed(): void {
    const { store, ledger, clock, raise } = this.#context;
    store.outdate();
    const error = unkept(zoneName(this.#context));
    ledger.noteFailure(error.toData(), clock());
    raise('zone_restore_failed', 'warning', `${zoneName(this.#context)} was not restored: the write took no effect. Try it again.`);
  }

  #readLater(attempt: Attempt, error: PerennialError): void {
    const { store, clock } = this.#context;
    const now = clock();
    if (NOT_YET.has(error.code)) return store.setAttempt({ ...attempt, readAt: error.retryAt ?? now + MINUTE });
    const failures = attempt.failures + 1;
    store.setAttempt({ ...attempt, failures, readAt: Math.max(now + Math.min(5 * SECOND * 2 ** failures, LONGEST_READ_WAIT_MS), error.retryAt ?? 0) });
    if (failures < READS_BEFORE_FAILURE) return;
    if (failures === READS_BEFORE_FAILURE && UNKEEPABLE.has(error.code)) this.#cannotReadBack(attempt, error);
    this.#fail(error);
  }

  /** The list is not one that was ever written: somebody else's change, or what the vendor made of ours. People have to look. */
  #cannotReadBack({ snapshot }: Attempt, { message, hint = '' }: PerennialError): void {
    const zone = zoneName(this.#context);
    const before = `How it was before is snapshot ${snapshot}: npm run dns -- snapshots ${zone}`;
    this.#context.raise('zone_not_read_back', 'critical', `${zone} was written and cannot be read back since. ${message}\n${hint}\n${before}`);
  }

  #anotherRound(error: PerennialError): void {
    const { store } = this.#context;
    const rounds = store.progress().rounds + 1;
    store.update({ rounds: rounds >= MAX_ROUNDS ? 0 : rounds });
    if (rounds >= MAX_ROUNDS) this.#fail(error);
  }

  #fail(thrown: unknown): void {
    const { store, ledger, clock } = this.#context;
    const error = toPerennialError(thrown);
    const now = clock();
    if (NOT_YET.has(error.code)) return store.update({ pause: { at: now, until: error.retryAt ?? now + MINUTE, reason: error.message, error: null } });
    const backoff = Math.min(MINUTE * 2 ** Math.min(ledger.zone()?.failures ?? 0, 10), HOUR);
    ledger.noteFailure(error.toData(), now);
    store.update({
      pause: { at: now, until: Math.max(now + backoff, error.retryAt ?? 0), reason: error.message, error: error.toData() },
      ...(SURVEY_AGAIN.has(error.code) ? { survey: null } : {}),
    });
  }

  /** Null while no list is known. Wishes that the list cannot fulfil are noted, and wait for somebody to want them anew. */
  #plan(): TablePlan | null {
    const { store } = this.#context;
    const known = store.known();
    if (known === null) return null;
    const live = liveEntries(this.#context);
    const plan = planTable(known.table, this.#wishes(live), live);
    if (plan.refusals.length > 0) this.#refuse(plan.refusals);
    return plan;
  }

  #settleKnown(): void {
    const { store, ledger, clock } = this.#context;
    const known = store.known();
    if (known === null) return;
    this.#settle(known.table);
    store.setGathering(null);
    store.update({ pause: null });
    ledger.noteSuccess(clock());
  }

  /** Takes over what a list shows; what differs still is pending. */
  #settle(table: HostTable): void {
    const { store, ledger, clock } = this.#context;
    const now = clock();
    const live = liveEntries(this.#context);
    const plan = planTable(table, this.#wishes(live), live);
    for (const { entry, recordId, found } of plan.present) ledger.markPresent(entry, recordId, found, now);
    ledger.markRemoved(plan.released, now);
    store.update({ queue: plan.adding });
  }

  /** Rows that are not as they should be. */
  #pending(live: readonly LedgerEntry[]): LedgerEntry[] {
    const { queue } = this.#context.store.progress();
    return this.#possible(live).filter(({ id, state }) => state !== 'written' || queue.includes(id));
  }

  /** With them, challenges that should be there still: whoever wrote over one of ours is written over in turn. */
  #wishes(live: readonly LedgerEntry[]): LedgerEntry[] {
    const pending = new Set(this.#pending(live));
    return this.#possible(live).filter((entry) => pending.has(entry) || (entry.owner !== DECLARED && entry.state === 'written'));
  }

  #possible(live: readonly LedgerEntry[]): LedgerEntry[] {
    const refused = new Map(this.#context.store.progress().refusals.map(({ entry, error }) => [entry, error.code]));
    // A full list can always lose a row; what the law forbids it forbids to remove as well.
    return live.filter(({ id, state }) => !refused.has(id) || (state === 'removing' && refused.get(id) !== FORBIDDEN));
  }

  #purpose(): CallPurpose {
    const wanted = this.#pending(liveEntries(this.#context)).filter(({ state }) => state !== 'removing');
    if (wanted.some(({ owner }) => owner !== DECLARED)) return 'challenge';
    return wanted.length > 0 ? 'records' : 'clean-up';
  }
}

function reasonOf({ write, adding }: TablePlan, before: HostTable): string {
  const removed = before.rows.length + adding.length - write.rows.length;
  return `before ${adding.length} records were added and ${Math.max(0, removed)} removed`;
}

function unkept(zone: string): DnsError {
  return new DnsError('dns_vendor_failed', `${zone} does not show what was written to it.`, {
    retryable: true,
    hint: 'Something else may write to this zone at the same time, or the vendor is slow today.',
  });
}
