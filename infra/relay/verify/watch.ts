/**
 * The relay's own look: every five minutes it repeats the latest verification of each certificate and reports a change
 * of verdicts. What to look for comes from the edge's verifications since the relay started; nothing is stored.
 */
import { MINUTE } from '../../../shared/clock.ts';
import type { Clock } from '../../../shared/clock.ts';
import type { RelayEvent } from '../../../shared/link/frames.ts';
import type { InstanceVerdict, VerifyRequest } from '../../../shared/relay/contract.ts';
import type { Log } from '../log.ts';
import type { Verification } from './verification.ts';

export const WATCH_INTERVAL_MS = 5 * MINUTE;
/** One look may take this long, in milliseconds. */
const LOOK_TIMEOUT_MS = 60_000;
/** Event bodies are small; a change among more instances than this is reported for the first of them. */
const MAX_REPORTED = 200;

interface Watched {
  request: VerifyRequest;
  verdicts: Map<string, string>;
}

export class ServedWatch {
  readonly #verification: Verification;
  readonly #report: (event: RelayEvent) => void;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #watched = new Map<string, Watched>();
  #timer: NodeJS.Timeout | undefined;

  constructor(deps: { verification: Verification; report: (event: RelayEvent) => void; clock: Clock; log: Log }) {
    this.#verification = deps.verification;
    this.#report = deps.report;
    this.#clock = deps.clock;
    this.#log = deps.log;
  }

  /** The edge verified this and knows the result: the next looks compare with it. */
  remember(request: VerifyRequest, instances: readonly InstanceVerdict[]): void {
    this.#watched.set(`${request.certificate} ${request.namespace}/${request.service}`, { request, verdicts: verdictsOf(instances) });
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
    for (const [id, watched] of this.#watched) {
      // One certificate after the other: the dials inside run side by side already.
      // oxlint-disable-next-line no-await-in-loop
      await this.#lookAt(id, watched);
    }
  }

  async #lookAt(id: string, watched: Watched): Promise<void> {
    const { certificate } = watched.request;
    try {
      const effect = { now: this.#clock, signal: AbortSignal.timeout(LOOK_TIMEOUT_MS) };
      const verdicts = verdictsOf(await this.#verification.verify(watched.request, effect));
      // A verification by the edge came in between; its result counts.
      if (this.#watched.get(id) !== watched || same(verdicts, watched.verdicts)) return;
      this.#watched.set(id, { request: watched.request, verdicts });
      this.#log({ event: 'served-changed', certificate });
      this.#report({ kind: 'served-changed', certificate, verdicts: Object.fromEntries([...verdicts].slice(0, MAX_REPORTED)), at: this.#clock() });
    } catch {
      this.#log({ event: 'served-changed', certificate, code: 'look_failed', message: 'The own look failed; the next one is in five minutes.' });
    }
  }
}

function verdictsOf(instances: readonly InstanceVerdict[]): Map<string, string> {
  return new Map(instances.map(({ id, verdict }) => [id, verdict]));
}

function same(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean {
  return a.size === b.size && [...a].every(([id, verdict]) => b.get(id) === verdict);
}
