/**
 * Calls to the outside of an actor: each leaves through the actor's output gate, takes effect, and is answered, in three
 * events of their own; the weather decides whether it gets that far and whether its caller lives to see it.
 */
import { actor, type Actor } from './platform/virtual.ts';
import type { Random } from './random.ts';
import type { Scheduler } from './scheduler.ts';
import type { Trace } from './trace.ts';
import { drawFate, type Line, type Weather } from './weather.ts';

/** No reply came. Whoever speaks the protocol turns it into what its caller would see. */
export class NoReply extends Error {
  override readonly name = 'NoReply';
}

/** An actor that can be killed, and, if it is an object, replaced. */
export interface Mortal extends Actor {
  kill(why: string): void;
  replace?(): void;
}

/** Milliseconds a call travels one way. */
const TRAVEL: Record<Line, readonly [number, number]> = {
  object: [1, 12],
  ca: [10, 200],
  vendor: [30, 300],
  resolver: [5, 60],
  relay: [1, 20],
  nomad: [1, 20],
  authority: [2, 40],
  dial: [2, 50],
};
const SLOW_MS = 60_000;

export interface OutsideDependencies {
  scheduler: Scheduler;
  random: Random;
  trace: Trace;
  weather: () => Weather;
}

export class Outside {
  readonly #deps: OutsideDependencies;

  constructor(deps: OutsideDependencies) {
    this.#deps = deps;
  }

  /**
   * @param effect runs when the call arrives; what it throws is the answer too.
   * @param depart runs as the call leaves, after the caller's writes have become durable: laws about "before" look here.
   * @returns never settles for a caller that is gone; rejects with NoReply for a reply that never comes.
   */
  call<T>(who: Mortal, line: Line, label: string, effect: () => T | Promise<T>, depart: () => void = () => undefined): Promise<T> {
    const { scheduler, random, trace } = this.#deps;
    const weather = this.#deps.weather();
    const fate = drawFate(weather, line, random);
    if (who.replace !== undefined && random.chance(weather.zombie)) scheduler.after(random.between(0, 2_000), () => who.alive && who.replace?.());
    const travel = () => random.between(...TRAVEL[line]) + (random.chance(weather.slow) ? random.between(0, SLOW_MS) : 0);
    const said = `${who.label} → ${label}`;
    return new Promise<T>((resolve, reject) => {
      const answer = (deliver: () => void, what: string) =>
        scheduler.after(travel(), () => {
          if (!who.alive) return;
          if (fate === 'crash-after') return who.kill(`before the reply to ${label}`);
          trace.add(`${said}: ${what}`);
          deliver();
          // What it makes of the reply in one go is lost again, wholly or in part.
          if (fate === 'crash-with-reply') scheduler.at(scheduler.now, () => who.alive && who.kill(`with the reply to ${label}`));
        });
      const arrive = async () => {
        if (fate === 'crash-between' && who.alive) who.kill(`while ${label} was on its way`);
        if (fate === 'lost-before') return answer(() => reject(new NoReply(label)), 'lost on its way');
        try {
          const value = await effect();
          if (fate === 'lost-after') answer(() => reject(new NoReply(label)), 'its reply was lost');
          else answer(() => resolve(value), said === '' ? '' : 'done');
        } catch (thrown) {
          if (fate === 'lost-after') answer(() => reject(new NoReply(label)), 'its refusal was lost');
          else answer(() => reject(thrown), `refused (${nameOf(thrown)})`);
        }
      };
      scheduler.after(random.between(0, 2), () => {
        if (!who.alive) return;
        if (fate === 'crash-before') return who.kill(`before ${label} left`);
        if (!who.gate()) return;
        depart();
        scheduler.after(travel(), () => void arrive());
      });
    });
  }

  /** The same for whoever runs now. */
  byActor<T>(line: Line, label: string, effect: () => T | Promise<T>, depart?: () => void): Promise<T> {
    const who = actor();
    if (who === undefined) throw new Error(`Nobody asks for ${label}.`);
    return this.call(who as Mortal, line, label, effect, depart);
  }
}

function nameOf(thrown: unknown): string {
  if (thrown instanceof Error) return 'code' in thrown ? String(thrown.code) : thrown.name;
  return String(thrown);
}
