/**
 * The declared records of one zone (`[[records]]`): what is to be there, the plan against the zone as it is, and the
 * approval that the first plan needs. A part of ZoneObject, on its storage: the vendor is asked by a function handed in,
 * and changed only through the ledger.
 */
import { HOUR, MINUTE, type Clock } from '../../shared/clock.ts';
import { hashText } from '../../shared/link/signatures.ts';
import { declarationSchema, type DeclarationDocument } from './declared-document.ts';
import { planDeclared, type Step } from './declared-plan.ts';
import { questionsOf } from './declared-set.ts';
import { DnsError } from './dns-error.ts';
import type { Ledger } from './ledger.ts';
import type { ListedRecord, RecordType } from './provider.ts';
import { declareRequestSchema, type DeclaredPlan, type DeclareRequest, type PlannedRecord, type ZoneHealth } from './zone-requests.ts';

/** How often the zone is compared with the declaration when nothing has changed. */
const DRIFT_CHECK_MS = 6 * HOUR;
/** A change is looked at again this soon, and when it does not last, twice as late each time. */
const CHECK_AFTER_CHANGE_MS = 2 * MINUTE;
/** A zone that cannot be read is asked again this soon, and twice as late each time. */
const RETRY_MS = MINUTE;
/** Of the document in the ledger. */
const KEY = 'declared';
/** SQLite rows hold at most 2 MB. */
const MAX_DOCUMENT_CHARACTERS = 1_500_000;

const WRITES: readonly PlannedRecord['action'][] = ['add', 'correct', 'remove', 'adopt'];

export class DeclaredRecords {
  readonly #ledger: Ledger;
  readonly #clock: Clock;
  /** What a plan of this life would do, and for which declaration. */
  readonly #steps = new WeakMap<DeclaredPlan, { steps: Step[]; declaration: string }>();

  constructor(ledger: Ledger, clock: Clock) {
    this.#ledger = ledger;
    this.#clock = clock;
  }

  /** Takes a declaration; one of an older generation is ignored, the same again changes nothing. @throws DnsError `dns_refused` when it is too large. */
  declare(request: DeclareRequest): void {
    const { vendor, zone, generation, records, held } = declareRequestSchema.parse(request);
    const known = this.#read();
    if (known !== null && generation < known.generation) return;
    this.#ledger.use(vendor, zone, this.#clock());
    const changed = known === null || contentOf(known) !== contentOf({ records, held });
    this.#write({
      ...(known ?? { started: false, consent: null, summary: null, checkAt: 0, failures: 0, changes: 0 }),
      ...(changed ? { checkAt: this.#clock(), failures: 0, changes: 0 } : {}),
      generation,
      records,
      held,
    });
  }

  /**
   * Compares the declaration with the zone as it is; null when nothing is declared here and nothing is to be taken back.
   * @param list asks the vendor for the records of these names and type. @throws what `list` throws.
   */
  async plan(list: (type: RecordType, names: readonly string[]) => Promise<ListedRecord[]>): Promise<DeclaredPlan | null> {
    const asked = this.#read();
    if (asked === null || this.#isEmpty(asked)) return null;
    const now = this.#clock();
    // Somebody only looks: that puts off nothing.
    const scheduled = asked.checkAt > now ? asked.checkAt : null;
    // Before the vendor is asked, so that a crash or a failure does not ask it at once again.
    if (scheduled === null)
      this.#write({ ...asked, checkAt: now + Math.min(DRIFT_CHECK_MS, RETRY_MS * 2 ** Math.min(asked.failures, 10)), failures: asked.failures + 1 });
    const questions = questionsOf(asked, this.#ledger.declaredEntries());
    const answers = await Promise.all(questions.map(({ type, names }) => list(type, names)));
    const names = [...new Set(questions.flatMap((question) => question.names))];

    const decision = planDeclared(asked, this.#ledger.entriesOfNames(names), answers.flat());
    const digest = await digestOf(decision.records);
    const declaration = this.#read() ?? asked;
    const at = this.#clock();
    const writes = decision.records.some(({ action }) => WRITES.includes(action));
    const approved = !writes || declaration.consent === digest || (declaration.started && !decision.vanishing);
    const records = decision.vanishing && !approved ? decision.records.map(asksAgain) : decision.records;
    const plan: DeclaredPlan = { digest, approved, at, records };
    this.#steps.set(plan, { steps: decision.steps, declaration: contentOf(asked) });
    // What was declared while the vendor was asked has its own check coming; what may be done is due until it is enacted.
    const due = approved && (writes || decision.steps.some((step) => step.do === 'give-up'));
    const checkAt = due ? Math.min(scheduled ?? Infinity, at + RETRY_MS) : at + DRIFT_CHECK_MS;
    if (contentOf(declaration) === contentOf(asked))
      this.#write({ ...declaration, checkAt, failures: 0, changes: writes ? declaration.changes : 0, summary: summaryOf(plan) });
    return plan;
  }

  /** Lets this plan be carried out. @throws DnsError `dns_zone_changed` when it is not the one of that digest. */
  approve(digest: string, plan: DeclaredPlan): void {
    const declaration = this.#read();
    if (declaration === null || plan.digest !== digest)
      throw new DnsError('dns_zone_changed', 'This is not the plan any more: the zone or the declaration has changed.', { hint: 'Look at the plan again.' });
    plan.approved = true;
    const summary = declaration.summary === null ? null : { ...declaration.summary, approved: true };
    this.#write({ ...declaration, started: true, consent: digest, summary });
  }

  /**
   * Turns an approved plan into rows of the ledger. @returns the rows to commit; none while the plan is not approved.
   * @throws DnsError `dns_zone_changed` when the declaration has changed since the plan was made.
   */
  enact(plan: DeclaredPlan): number[] {
    const declaration = this.#read();
    const planned = this.#steps.get(plan);
    if (!plan.approved) return [];
    if (declaration === null || planned?.declaration !== contentOf(declaration))
      throw new DnsError('dns_zone_changed', 'The declaration has changed since this plan was made.', { retryable: true });
    const now = this.#clock();
    const rows = planned.steps.map((step) => this.#take(step, now));
    if (plan.records.some(({ action }) => WRITES.includes(action))) {
      const wait = Math.min(DRIFT_CHECK_MS, CHECK_AFTER_CHANGE_MS * 2 ** Math.min(declaration.changes, 10));
      this.#write({ ...declaration, consent: null, checkAt: now + wait, changes: declaration.changes + 1 });
    }
    return [...new Set(rows)];
  }

  summary(): ZoneHealth['declared'] {
    const declaration = this.#read();
    return declaration === null || this.#isEmpty(declaration) ? null : declaration.summary;
  }

  /** Unix ms of the next comparison; null when there is nothing to compare. */
  nextCheck(): number | null {
    const declaration = this.#read();
    return declaration === null || this.#isEmpty(declaration) ? null : declaration.checkAt;
  }

  #take(step: Step, now: number): number {
    switch (step.do) {
      case 'want':
        return this.#ledger.wantDeclared(step.record, step.record.ttl, now).id;
      case 'claim':
        return this.#ledger.claimDeclared(step.listed, 'written', step.ttl, now).id;
      case 'take-away':
        return this.#ledger.claimDeclared(step.listed, 'removing', null, now).id;
      case 'give-up':
        this.#ledger.releaseDeclared([step.entry]);
        return step.entry;
    }
  }

  /** Nothing declared, and nothing of ours that is to be taken back by a plan; what is being removed is the janitor's. */
  #isEmpty({ records, held }: DeclarationDocument): boolean {
    return records.length === 0 && held.length === 0 && this.#ledger.declaredEntries().every(({ state }) => state === 'removing');
  }

  #read(): DeclarationDocument | null {
    return this.#ledger.document(KEY, declarationSchema);
  }

  #write(declaration: DeclarationDocument): void {
    const size = JSON.stringify(declaration).length;
    if (size > MAX_DOCUMENT_CHARACTERS)
      throw new DnsError('dns_refused', `The declared records of this zone take ${size} characters; ${MAX_DOCUMENT_CHARACTERS} are possible.`, {
        hint: 'Declare fewer or shorter [[records]] in this zone.',
      });
    this.#ledger.putDocument(KEY, declaration);
  }
}

/** What a plan depends on; reasons for holding something are words only. */
function contentOf({ records, held }: Pick<DeclareRequest, 'records' | 'held'>): string {
  return JSON.stringify([records, held.map(({ type, name }) => [type, name])]);
}

/** The same for the same changes, in whatever order they were found. */
async function digestOf(records: readonly PlannedRecord[]): Promise<string> {
  const lines = records
    .filter(({ action }) => WRITES.includes(action))
    .map(({ action, type, name, value, found }) => JSON.stringify([action, type, name, value, found]));
  return hashText(lines.toSorted().join('\n'));
}

function asksAgain(record: PlannedRecord): PlannedRecord {
  if (record.action !== 'remove') return record;
  return { ...record, why: 'It is no longer declared, and so are more than half of our records here: this has to be approved first.' };
}

function summaryOf({ digest, approved, at, records }: DeclaredPlan): NonNullable<ZoneHealth['declared']> {
  const size = (...actions: PlannedRecord['action'][]) => records.filter(({ action }) => actions.includes(action)).length;
  return {
    approved,
    digest,
    at,
    add: size('add'),
    differ: size('correct', 'adopt'),
    remove: size('remove'),
    conflicts: size('conflict'),
    kept: size('keep', 'held'),
  };
}
