/** Calls per key: in a minute, an hour and a day, as sliding windows. Refused calls count too. */
import { DAY, HOUR, MINUTE, type Clock } from '../../../shared/clock.ts';

export interface CallLimitOptions {
  perMinute: number;
  perHour: number;
  perDay: number;
  /** Over the limit the vendor has answered both: a bare 405, and error 500000 in an envelope. */
  answer: 'status' | 'envelope';
}

export const VENDOR_LIMITS: CallLimitOptions = { perMinute: 20, perHour: 700, perDay: 8_000, answer: 'status' };

export class CallLimits {
  readonly options: CallLimitOptions;
  readonly #clock: Clock;
  readonly #calls = new Map<string, number[]>();

  constructor(options: CallLimitOptions, clock: Clock) {
    this.options = options;
    this.#clock = clock;
  }

  /** Counts `calls` of a user; false when one of them is over a limit. Other tools of the user count as well. */
  take(user: string, calls = 1): boolean {
    const now = this.#clock();
    const recent = (this.#calls.get(user) ?? []).filter((at) => at > now - DAY);
    recent.push(...Array.from({ length: calls }, () => now));
    this.#calls.set(user, recent);
    const within = (windowMs: number) => recent.filter((at) => at > now - windowMs).length;
    const { perMinute, perHour, perDay } = this.options;
    return within(MINUTE) <= perMinute && within(HOUR) <= perHour && recent.length <= perDay;
  }
}
