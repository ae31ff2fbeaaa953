/**
 * The relay's own look: every five minutes it repeats the latest verification of each certificate and reports a change
 * of verdicts. What to look for comes from the edge's verifications, and from the list that the edge hands to every relay
 * that connects; nothing is stored.
 */
import { MINUTE } from '../../../shared/clock.ts';
import type { Clock } from '../../../shared/clock.ts';
import type { RelayEvent } from '../../../shared/link/frames.ts';
import type { InstanceVerdict, VerifyRequest, WatchEntry } from '../../../shared/relay/contract.ts';
import type { Log } from '../log.ts';
import type { Verification } from './verification.ts';

export const WATCH_INTERVAL_MS = 5 * MINUTE;
/** One look may take this long, in milliseconds. */
const LOOK_TIMEOUT_MS = 60_000;
/** Event bodies are small; a change among more instances than this is reported for the first of them. */
const MAX_REPORTED = 200;

/** More than a cluster delivers; a list that goes on for ever does not fill the memory. */
const MAX_WATCHED = 10_000;

interface Watched {
  request: VerifyRequest;
  verdicts: ReadonlyMap<string, string>;
  /** Unix ms of the edge when the verdicts were found. */
  at: number;
}

export class ServedWatch {
  readonly #verification: Pick<Verification, 'verify'>;
  readonly #report: (event: RelayEvent) => Promise<boolean>;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #watched = new Map<string, Watched>();
  #timer: NodeJS.Timeout | undefined;
  #looking = false;

  /** @param deps `report` says whether the event was sent: what was not is found, and said, by the next look. */
  constructor(deps: { verification: Pick<Verification, 'verify'>; report: (event: RelayEvent) => Promise<boolean>; clock: Clock; log: Log }) {
    this.#verification = deps.verification;
    this.#report = deps.report;
    this.#clock = deps.clock;
    this.#log = deps.log;
  }

  /** The edge verified this and knows the result: the next looks compare with it. @param at Unix ms of the edge. */
  remember(request: VerifyRequest, instances: readonly InstanceVerdict[], at: number): void {
    this.#put({ request, verdicts: verdictsOf(instances), at });
  }

  /**
   * Takes over what the edge remembers, unless this relay knows better. What the edge has not heard of yet, although it was
   * reported, is a change again and will be reported again. @returns how many certificates are watched now.
   */
  take(entries: readonly WatchEntry[]): number {
    for (const { request, verdicts, at } of entries) {
      if ((this.#watched.get(idOf(request))?.at ?? 0) <= at) this.#put({ request, verdicts: new Map(Object.entries(verdicts)), at });
    }
    return this.#watched.size;
  }

  start(intervalMs = WATCH_INTERVAL_MS): void {
    this.stop();
    this.#timer = setInterval(() => void this.look(), intervalMs);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** One look at everything remembered. Never throws: what cannot be looked at now is looked at next time. */
  async look(): Promise<void> {
    // A look at very many certificates may take longer than the time between two.
    if (this.#looking) return;
    this.#looking = true;
    try {
      for (const [id, watched] of this.#watched) {
        // One certificate after the other: the dials inside run side by side already.
        // oxlint-disable-next-line no-await-in-loop
        await this.#lookAt(id, watched);
      }
    } finally {
      this.#looking = false;
    }
  }

  #put(watched: Watched): void {
    const id = idOf(watched.request);
    if (this.#watched.has(id) || this.#watched.size < MAX_WATCHED) this.#watched.set(id, watched);
  }

  async #lookAt(id: string, watched: Watched): Promise<void> {
    const { certificate } = watched.request;
    try {
      const effect = { now: this.#clock, signal: AbortSignal.timeout(LOOK_TIMEOUT_MS) };
      const verdicts = verdictsOf(await this.#verification.verify(watched.request, effect));
      // A verification by the edge came in between; its result counts.
      if (this.#watched.get(id) !== watched || same(verdicts, watched.verdicts)) return;
      this.#log({ event: 'served-changed', certificate });
      const shown = Object.fromEntries([...verdicts].slice(0, MAX_REPORTED));
      const sent = await this.#report({ kind: 'served-changed', certificate, verdicts: shown, at: this.#clock() });
      if (sent && this.#watched.get(id) === watched) this.#watched.set(id, { ...watched, verdicts });
    } catch {
      this.#log({ event: 'served-changed', certificate, code: 'look_failed', message: 'The own look failed; the next one is in five minutes.' });
    }
  }
}

function idOf({ certificate, namespace, service }: VerifyRequest): string {
  return `${certificate} ${namespace}/${service}`;
}

function verdictsOf(instances: readonly InstanceVerdict[]): Map<string, string> {
  return new Map(instances.map(({ id, verdict }) => [id, verdict]));
}

function same(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean {
  return a.size === b.size && [...a].every(([id, verdict]) => b.get(id) === verdict);
}
