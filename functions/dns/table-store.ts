/**
 * The documents of the whole-zone writer on the ledger's storage. Everything between two waits on the outside is one
 * write: the platform commits statements without an `await` between them together.
 */
import type { z } from 'zod';
import { recall, remember } from '../storage/operations.ts';
import type { Ledger } from './ledger.ts';
import {
  attemptSchema,
  EMPTY_PROGRESS,
  gatheringSchema,
  knownSchema,
  progressSchema,
  publicationSchema,
  snapshotContentSchema,
  stoppedSchema,
  type Attempt,
  type Gathering,
  type KnownTable,
  type Progress,
  type SnapshotContent,
  type Stopped,
} from './table-state.ts';

export interface Snapshot extends SnapshotContent {
  id: number;
  at: number;
  reason: string;
}

export class TableStore {
  readonly #ledger: Ledger;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  progress(): Progress {
    return this.#ledger.document('table-progress', progressSchema) ?? EMPTY_PROGRESS;
  }

  update(changes: Partial<Omit<Progress, 'revision'>>): void {
    this.#ledger.putDocument('table-progress', { ...this.progress(), ...changes });
  }

  known(): KnownTable | null {
    return this.#ledger.document('table-known', knownSchema);
  }

  setKnown(known: KnownTable | null): void {
    this.#ledger.putDocument('table-known', known);
    this.#revise();
  }

  /** What was believed of the zone is out of date; it still says how much there was. */
  outdate(): void {
    const known = this.known();
    if (known !== null) this.setKnown({ ...known, current: false });
  }

  attempt(): Attempt | null {
    return this.#ledger.document('table-attempt', attemptSchema);
  }

  setAttempt(attempt: Attempt | null): void {
    this.#ledger.putDocument('table-attempt', attempt);
    this.#revise();
  }

  stopped(): Stopped | null {
    return this.#ledger.document('table-stopped', stoppedSchema);
  }

  setStopped(stopped: Stopped | null): void {
    this.#ledger.putDocument('table-stopped', stopped);
    this.#revise();
  }

  gathering(): Gathering | null {
    return this.#ledger.document('table-gathering', gatheringSchema);
  }

  setGathering(gathering: Gathering | null): void {
    this.#ledger.putDocument('table-gathering', gathering);
  }

  /** @returns its id. */
  keepSnapshot(content: SnapshotContent, text: string, reason: string, now: number): number {
    return this.#ledger.addSnapshot({ at: now, reason, content, text }, this.stopped()?.snapshot ?? null);
  }

  /** Newest first. */
  snapshots(): Snapshot[] {
    return this.#ledger.snapshots().map(({ content, ...snapshot }) => ({ ...snapshot, ...snapshotContentSchema.parse(content) }));
  }

  snapshot(id: number): Snapshot | null {
    const found = this.#ledger.snapshot(id);
    return found === null ? null : { id: found.id, at: found.at, reason: found.reason, ...snapshotContentSchema.parse(found.content) };
  }

  publication(operation: string): z.infer<typeof publicationSchema> | null {
    return recall(this.#ledger.sql, `publish ${operation}`, publicationSchema);
  }

  setPublication(operation: string, publication: z.infer<typeof publicationSchema>, now: number): void {
    remember(this.#ledger.sql, `publish ${operation}`, publication, now);
  }

  #revise(): void {
    const progress = this.progress();
    this.#ledger.putDocument('table-progress', { ...progress, revision: progress.revision + 1 });
  }
}
