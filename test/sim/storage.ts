/**
 * Durable Object storage over SQLite in memory, as far as the objects use it, with the platform's crash semantics: what
 * is written between two awaits is one unit; units become durable in their order, a moment later or when something
 * leaves the object (the output gate), and a crash takes back what was not durable yet.
 */
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';

type Row = Record<string, unknown>;

interface Prepared {
  statement: StatementSync;
  numbered: boolean;
}

/** Called with the text values of every write: nothing secret may be among them. */
export type Witness = (value: string) => void;

/** What outlives the instances of one object. */
export class Disk {
  readonly #database = new DatabaseSync(':memory:');
  readonly #statements = new Map<string, Prepared>();
  readonly #witness: Witness;
  readonly #onDirty: () => void;
  #open = false;
  #unit = false;
  #units = 0;
  #depth = 0;
  alarm: number | null = null;
  #durableAlarm: number | null = null;

  /** @param onDirty something is not durable yet. */
  constructor(onDirty: () => void, witness: Witness) {
    this.#onDirty = onDirty;
    this.#witness = witness;
    this.#database.exec('CREATE TABLE _alarm (at INTEGER)');
  }

  all(query: string, bindings: readonly SQLInputValue[]): Row[] {
    if (!/^\s*SELECT\b/i.test(query)) {
      this.#write();
      for (const value of bindings) if (typeof value === 'string') this.#witness(value);
    }
    return this.#run(query, bindings);
  }

  /** Reads without being a call of the object. */
  look(query: string, ...bindings: SQLInputValue[]): Row[] {
    return this.#run(query, bindings);
  }

  /** Nested ones roll back on their own. */
  transaction<T>(work: () => T): T {
    this.#write();
    const name = `t${(this.#depth += 1)}`;
    this.#database.exec(`SAVEPOINT ${name}`);
    try {
      const value = work();
      this.#database.exec(`RELEASE ${name}`);
      return value;
    } catch (thrown) {
      this.#database.exec(`ROLLBACK TO ${name}`);
      this.#database.exec(`RELEASE ${name}`);
      throw thrown;
    } finally {
      this.#depth -= 1;
    }
  }

  setAlarm(at: number | null): void {
    this.#write();
    this.#run('DELETE FROM _alarm', []);
    if (at !== null) this.#run('INSERT INTO _alarm VALUES (?)', [at]);
    this.alarm = at;
  }

  get dirty(): boolean {
    return this.#open;
  }

  /** Units that a crash now may take back. */
  get units(): number {
    return this.#units + (this.#unit ? 1 : 0);
  }

  commit(): void {
    if (!this.#open) return;
    this.#database.exec('COMMIT');
    this.#close();
  }

  /** Loses everything but the first `kept` units. */
  crash(kept: number): void {
    if (!this.#open) return;
    if (kept > this.#units) return this.commit();
    if (kept === 0) this.#database.exec('ROLLBACK');
    else {
      this.#database.exec(`ROLLBACK TO u${kept}`);
      this.#database.exec('COMMIT');
    }
    this.#close();
    const [row] = this.look('SELECT at FROM _alarm');
    this.alarm = row === undefined ? null : Number(row['at']);
  }

  close(): void {
    this.#statements.clear();
    this.#database.close();
  }

  #write(): void {
    if (!this.#open) {
      this.#database.exec('BEGIN');
      this.#open = true;
      this.#onDirty();
    }
    if (this.#unit) return;
    this.#unit = true;
    queueMicrotask(() => this.#endUnit());
  }

  #endUnit(): void {
    if (!this.#open || !this.#unit) return;
    this.#unit = false;
    this.#units += 1;
    this.#database.exec(`SAVEPOINT u${this.#units}`);
  }

  #close(): void {
    this.#open = false;
    this.#unit = false;
    this.#units = 0;
    this.#durableAlarm = this.alarm;
  }

  get durableAlarm(): number | null {
    return this.#durableAlarm;
  }

  #run(query: string, bindings: readonly SQLInputValue[]): Row[] {
    let prepared = this.#statements.get(query);
    if (prepared === undefined) {
      prepared = { statement: this.#database.prepare(query), numbered: /\?\d/.test(query) };
      this.#statements.set(query, prepared);
    }
    const { statement, numbered } = prepared;
    // Numbered parameters count as named ones here.
    return numbered ? statement.all(Object.fromEntries(bindings.map((value, index) => [`?${index + 1}`, value]))) : statement.all(...bindings);
  }
}

/** One instance's view of the disk. `touch` throws when the instance has been replaced. */
export function storageOf(disk: Disk, touch: () => void) {
  return {
    sql: {
      exec(query: string, ...bindings: SQLInputValue[]) {
        touch();
        const rows = disk.all(query, bindings);
        return {
          toArray: () => rows,
          one(): Row {
            const [row] = rows;
            if (row === undefined || rows.length !== 1) throw new Error(`Expected exactly one result from SQL query, but got ${rows.length}.`);
            return row;
          },
          [Symbol.iterator]: () => rows[Symbol.iterator](),
        };
      },
      get databaseSize() {
        return 4_096;
      },
    },
    transactionSync<T>(work: () => T): T {
      touch();
      return disk.transaction(work);
    },
    async sync(): Promise<void> {
      touch();
      disk.commit();
    },
    async setAlarm(at: number | Date): Promise<void> {
      touch();
      disk.setAlarm(Number(at));
    },
    async getAlarm(): Promise<number | null> {
      touch();
      return disk.alarm;
    },
    async deleteAlarm(): Promise<void> {
      touch();
      disk.setAlarm(null);
    },
  };
}
