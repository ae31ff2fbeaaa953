/** The declared records of one zone on real storage, with the Cloudflare adapter and the emulator's routes behind them. */
import { DeclaredRecords } from '../../functions/dns/declared-records.ts';
import { Ledger } from '../../functions/dns/ledger.ts';
import type { RecordProvider } from '../../functions/dns/provider.ts';
import type { DeclaredPlan, DeclareRequest, DesiredRecord } from '../../functions/dns/zone-requests.ts';
import { ZoneWriter } from '../../functions/dns/zone-writer.ts';
import type { RecordBody } from '../emulators/cloudflare/record-rules.ts';
import { type Account, VENDOR } from './dns-cloudflare.ts';

/** One life of the object that owns the zone: ledger, writer and declaration over its storage. */
export class DeclaredZone {
  readonly account: Account;
  readonly ledger: Ledger;
  readonly declared: DeclaredRecords;
  readonly #writer: ZoneWriter;
  readonly #provider: RecordProvider;
  #generation = 0;

  constructor(storage: DurableObjectStorage, account: Account) {
    this.account = account;
    this.ledger = new Ledger(storage);
    const dependencies = account.dependencies();
    this.#writer = new ZoneWriter(this.ledger, dependencies);
    this.declared = new DeclaredRecords(this.ledger, () => account.now);
    const provider = dependencies.provider(VENDOR);
    if (provider.kind !== 'records') throw new Error('Cloudflare changes single records.');
    this.#provider = provider;
  }

  declare(records: readonly DesiredRecord[], held: DeclareRequest['held'] = [], generation = (this.#generation += 1)): void {
    this.#generation = generation;
    this.declared.declare({ vendor: VENDOR, zone: this.#zone, generation, records: [...records], held });
  }

  plan(): Promise<DeclaredPlan | null> {
    return this.declared.plan((type, names) => this.#provider.list(this.#zone, { type, names }));
  }

  /** What the zone's alarm does when a comparison is due. */
  async check(): Promise<DeclaredPlan | null> {
    const plan = await this.plan();
    if (plan !== null) await this.#writer.commit(this.declared.enact(plan));
    return plan;
  }

  /** What the page's button does: the plan that was shown, if it still is the one. */
  async approve(digest: string): Promise<void> {
    const plan = await this.plan();
    if (plan === null) throw new Error('Nothing is declared.');
    this.declared.approve(digest, plan);
    await this.#writer.commit(this.declared.enact(plan));
  }

  /** Shows the plan and has it carried out. */
  async apply(): Promise<string[]> {
    const plan = await this.plan();
    if (plan !== null) await this.approve(plan.digest);
    return linesOf(plan);
  }

  /** Removes what is to be removed and was not, as the janitor does. */
  async clean(): Promise<void> {
    await this.#writer.commit(this.ledger.removing(100).map(({ id }) => id));
  }

  get #zone() {
    return { id: this.account.zone.id, name: this.account.zone.name };
  }
}

/** `action type name value` of each line. */
export function linesOf(plan: DeclaredPlan | null): string[] {
  return (plan?.records ?? []).map(({ action, type, name, value }) => `${action} ${type} ${name} ${value}`.trim());
}

export const record = (type: DesiredRecord['type'], name: string, value: string, more: Partial<DesiredRecord> = {}): DesiredRecord => ({
  type,
  name,
  value,
  ttl: 300,
  adopt: false,
  ...more,
});

/** The zone as people read it: `type name content ttl`. */
export function zoneLines(account: Account): string[] {
  return account.zone.store.all().map(({ type, name, content, ttl }) => `${type} ${name} ${content} ${ttl}`);
}

/** What somebody else does in the vendor's dashboard. */
export function byHand(account: Account, body: RecordBody): string {
  const [added] = account.zone.store.apply([{ kind: 'post', body: { comment: 'by hand', ttl: 300, ...body } }]);
  if (added === undefined) throw new Error('The emulator did not store the record.');
  return added.id;
}
