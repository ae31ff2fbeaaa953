/** A ZoneObject on real storage whose lives end and begin at will, under a clock that only tests move. */
import type { ZoneDependencies } from '../../functions/dns/wiring.ts';
import { ZoneObject } from '../../functions/dns/zone-object.ts';
import type { PresentRequest } from '../../functions/dns/zone-requests.ts';
import type { ZoneStage } from '../contracts/dns-zone.ts';

/** Time as vendor and zone see it. What travels arrives while it passes. */
export interface Time {
  readonly now: number;
  pass(milliseconds: number): Promise<void>;
}

/** Alarms of one stretch of time: more of them are a loop. */
const MAX_ALARMS = 2_000;

export class LivingZone {
  readonly #time: Time;
  readonly #state: DurableObjectState;
  readonly #environment: ConstructorParameters<typeof ZoneObject>[1];
  readonly #dependencies: ZoneDependencies;
  #object: ZoneObject;

  constructor(state: DurableObjectState, environment: ConstructorParameters<typeof ZoneObject>[1], dependencies: ZoneDependencies, time: Time) {
    this.#state = state;
    this.#environment = environment;
    this.#dependencies = dependencies;
    this.#time = time;
    this.#object = this.#born();
  }

  get object(): ZoneObject {
    return this.#object;
  }

  restart(): void {
    this.#object = this.#born();
  }

  /** Alarms run at their time, one after the other, as the runtime runs them: it forgets each before it calls. */
  async pass(milliseconds: number): Promise<void> {
    const end = this.#time.now + milliseconds;
    const { storage } = this.#state;
    for (let count = 0; ; count += 1) {
      const alarm = await storage.getAlarm();
      if (alarm === null || alarm > end) break;
      if (count >= MAX_ALARMS) throw new Error(`${MAX_ALARMS} alarms within ${milliseconds} ms.`);
      if (alarm > this.#time.now) await this.#time.pass(alarm - this.#time.now);
      await storage.deleteAlarm();
      await this.#object.alarm();
    }
    await this.#time.pass(end - this.#time.now);
  }

  stage(target: Pick<PresentRequest, 'vendor' | 'zone'>): Pick<ZoneStage, 'now' | 'pass' | 'request' | 'restart' | 'zone'> {
    return {
      zone: () => this.#object,
      request: (owner, operation, ...records) => ({ ...target, owner, operation, records }),
      now: () => this.#time.now,
      pass: (milliseconds) => this.pass(milliseconds),
      restart: () => this.restart(),
    };
  }

  #born(): ZoneObject {
    const dependencies = this.#dependencies;
    class ConnectedZone extends ZoneObject {
      protected override dependencies(): ZoneDependencies {
        return dependencies;
      }
    }
    return new ConnectedZone(this.#state, this.#environment);
  }
}
