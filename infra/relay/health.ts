/** What `/healthz` says: the relay lives, and whether the edge has been silent for too long. */
import { HOUR } from '../../shared/clock.ts';

/** Silence of the edge, in milliseconds, after which the relay calls itself degraded. */
const SILENCE_MS = HOUR;

export interface HealthReport {
  status: 'ok' | 'degraded';
  link: 'connecting' | 'open' | 'refused';
  /** Seconds since the edge was heard; null when it never was. */
  edgeHeardSecondsAgo: number | null;
}

export class Health {
  readonly #monotonic: () => number;
  readonly #started: number;
  #heard: number | null = null;
  link: HealthReport['link'] = 'connecting';

  constructor(monotonic: () => number) {
    this.#monotonic = monotonic;
    this.#started = monotonic();
  }

  /** Something came from the edge: a welcome, a heartbeat's answer, a request. */
  heard(): void {
    this.#heard = this.#monotonic();
  }

  report(): HealthReport {
    const now = this.#monotonic();
    const silent = now - (this.#heard ?? this.#started) >= SILENCE_MS;
    return { status: silent ? 'degraded' : 'ok', link: this.link, edgeHeardSecondsAgo: this.#heard === null ? null : Math.round((now - this.#heard) / 1_000) };
  }
}
