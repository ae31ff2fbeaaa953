/** The object named `records`: {@link Records} behind RPC and an alarm. Every method settles into an Outcome. */
import { DurableObject } from 'cloudflare:workers';
import { MINUTE } from '../../shared/clock.ts';
import { settle, toPerennialError, type Outcome } from '../../shared/errors.ts';
import { recordsPorts } from '../composition.ts';
import type { Environment } from '../environment.ts';
import type { RecordsDeclaration } from './ports.ts';
import { Records } from './records.ts';
import type { RecordsStatus } from './status.ts';

/** The alarm of a run that dies before it sets the real one. */
const DEAD_MAN_MS = MINUTE;

export class RecordsObject extends DurableObject<Environment> {
  readonly #records: Records;
  readonly #clock = () => Date.now();

  constructor(context: DurableObjectState, environment: Environment) {
    super(context, environment);
    this.#records = new Records({ storage: context.storage, ports: (declaration) => recordsPorts(environment, declaration), clock: this.#clock });
  }

  /** Takes what a configuration in force declares; older generations are ignored. Answers the generation in force here. */
  apply(declaration: RecordsDeclaration): Promise<Outcome<number>> {
    return settle(async () => {
      const generation = this.#records.apply(declaration);
      await this.ctx.storage.setAlarm(this.#clock());
      return generation;
    });
  }

  status(): Promise<Outcome<RecordsStatus>> {
    return settle(async () => this.#records.status(await this.ctx.storage.getAlarm()));
  }

  /** Never throws: an alarm that throws is dropped for good after seven runs (measured). */
  override async alarm(): Promise<void> {
    await this.ctx.storage.setAlarm(this.#clock() + DEAD_MAN_MS);
    try {
      const next = await this.#records.run();
      await (next === null ? this.ctx.storage.deleteAlarm() : this.ctx.storage.setAlarm(Math.max(next, this.#clock())));
    } catch (thrown) {
      // What cannot be read or written now is tried again by the dead-man alarm.
      console.error(JSON.stringify({ event: 'records-alarm-failed', code: toPerennialError(thrown).code }));
    }
  }
}
