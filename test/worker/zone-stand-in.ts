/**
 * A DNS zone as people's tools see it, in memory: it plans what is declared, keeps snapshots, is stopped by a foreign
 * change, and refuses a digest that is not true any more, as ZoneObject does. For tests of what stands in front of it.
 */
import { settle, type Outcome } from '../../shared/errors.ts';
import { DnsError } from '../../functions/dns/dns-error.ts';
import type {
  AuditedRecord,
  DeclaredPlan,
  PlannedRecord,
  RestorePreview,
  SnapshotSummary,
  ZoneAdministration,
  ZoneHealth,
} from '../../functions/dns/zone-requests.ts';

export class ZoneStandIn implements ZoneAdministration {
  readonly name: { provider: string; zoneId: string; zoneName: string };
  /** Records of the zone, one per line, as they are now. */
  lines: string[];
  owned: AuditedRecord[] = [];
  stopped: ZoneHealth['stopped'] = null;
  /** Thrown by everything that would ask the vendor. */
  failure: DnsError | null = null;
  /** What was asked for, with effect. */
  readonly done: string[] = [];
  readonly #snapshots: { summary: SnapshotSummary; lines: string[] }[] = [];
  #declared: string[] | null = null;
  #approved = false;

  constructor(name: { provider: string; zoneId: string; zoneName: string }, lines: string[]) {
    this.name = name;
    this.lines = lines;
  }

  declare(lines: string[]): void {
    this.#declared = lines;
  }

  snapshot(reason: string, at: number): void {
    const id = this.#snapshots.length + 1;
    this.#snapshots.push({ summary: { id, at, reason, rows: this.lines.length, emailType: 'MX' }, lines: [...this.lines] });
  }

  report(): ZoneHealth {
    const planned = this.#planned();
    const count = (action: PlannedRecord['action']) => planned?.filter((record) => record.action === action).length ?? 0;
    return {
      ...this.name,
      vendors: ['registrar'],
      lastSuccessAt: null,
      lastError: null,
      live: this.owned.length,
      removing: 0,
      stopped: this.stopped,
      waiting: null,
      declared:
        planned === null
          ? null
          : { approved: this.#approved, digest: digestOf(planned), at: 0, add: count('add'), differ: 0, remove: 0, conflicts: 0, kept: count('keep') },
    };
  }

  health(): Promise<Outcome<ZoneHealth | null>> {
    return settle(() => this.report());
  }

  audit(): Promise<Outcome<AuditedRecord[]>> {
    return this.#asked(() => this.owned);
  }

  plan(): Promise<Outcome<DeclaredPlan | null>> {
    return this.#asked(() => {
      const records = this.#planned();
      return records === null ? null : { digest: digestOf(records), approved: this.#approved, at: 0, records };
    });
  }

  approve(digest: string): Promise<Outcome<null>> {
    return this.#asked(() => {
      this.#refuseOther(digest, digestOf(this.#planned() ?? []));
      this.#approved = true;
      this.lines = [...new Set([...this.lines, ...(this.#declared ?? [])])];
      this.done.push('approve');
      return null;
    });
  }

  snapshots(): Promise<Outcome<SnapshotSummary[]>> {
    return settle(() => this.#snapshots.map(({ summary }) => summary).toReversed());
  }

  previewRestore(id: number): Promise<Outcome<RestorePreview>> {
    return this.#asked(() => this.#preview(id));
  }

  restore(id: number, digest: string): Promise<Outcome<null>> {
    return this.#asked(() => {
      this.#refuseOther(digest, this.#preview(id).digest);
      this.lines = [...(this.#snapshots.find(({ summary }) => summary.id === id)?.lines ?? [])];
      this.stopped = null;
      this.done.push(`restore ${id}`);
      return null;
    });
  }

  release(): Promise<Outcome<null>> {
    return settle(() => {
      this.stopped = null;
      this.done.push('release');
      return null;
    });
  }

  #asked<T>(answer: () => T): Promise<Outcome<T>> {
    return settle(() => {
      if (this.failure !== null) throw this.failure;
      return answer();
    });
  }

  #planned(): PlannedRecord[] | null {
    if (this.#declared === null) return null;
    return this.#declared.map((line) => {
      const [type = '', name = '', ...value] = line.split(' ');
      return { action: this.lines.includes(line) ? 'keep' : 'add', type, name, value: value.join(' '), found: null, why: null };
    });
  }

  #preview(id: number): RestorePreview {
    const kept = this.#snapshots.find(({ summary }) => summary.id === id);
    if (kept === undefined) throw new DnsError('dns_refused', `There is no snapshot ${id} of ${this.name.zoneName}.`);
    const missing = kept.lines.filter((line) => !this.lines.includes(line)).map((line) => `+ ${line}`);
    const extra = this.lines.filter((line) => !kept.lines.includes(line)).map((line) => `- ${line}`);
    return { snapshot: kept.summary, lines: [...missing, ...extra], digest: `restore-${id}-${digestOf(this.lines)}` };
  }

  #refuseOther(given: string, actual: string): void {
    if (given !== actual) throw new DnsError('dns_zone_changed', `${this.name.zoneName} is not as it was when you looked.`, { hint: 'Look again.' });
  }
}

/** Changes with its content; short enough to read. */
function digestOf(content: unknown): string {
  let hash = 0;
  for (const character of JSON.stringify(content)) hash = (Math.imul(hash, 31) + (character.codePointAt(0) ?? 0)) | 0;
  return (hash >>> 0).toString(16).padStart(8, '0');
}
