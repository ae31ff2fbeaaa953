/** What scenarios stand on: one laboratory at a time, and series of renewals that several scenarios read. */
import { PerennialError } from '../../shared/errors.ts';
import type { PartKinds } from '../../infra/demo/system.ts';
import type { Figure } from './figure.ts';
import { Laboratory, type LaboratoryOptions } from './laboratory.ts';
import { measureRenewal, type MeasuredRenewal } from './renewal.ts';

/** A benchmark of one thing. Throws when it came to no result; being over budget is a result. */
export interface Scenario {
  name: string;
  /** One line for `--help`. */
  about: string;
  /** Why it cannot run here, or undefined. */
  unavailable?(bench: Bench): string | undefined;
  run(bench: Bench): Promise<Figure[]>;
}

export interface BenchOptions {
  runs: number;
  fleet: readonly number[];
  environment: Readonly<Record<string, string | undefined>>;
  /** Progress, for people. */
  say: (line: string) => void;
  /** Aborted when everything shall end. */
  signal: AbortSignal;
}

/**
 * What is asked of Pebble: to treat nonces as it does by itself (5 % are refused), or as a CA that refuses none; and of the
 * Worker in the latter case, to leave the authorizations as they are, which it gives up by itself.
 */
export type Variant = 'refused-sometimes' | 'never-refused' | 'authorizations-kept';

/** Certificates that take turns; more would only make the start longer, as each may be forced once a minute. */
const MOST_CANDIDATES = 24;
const LEAST_CANDIDATES = 4;
/** Renewals that are not measured: the first one after a start compiles code. */
const WARM_UP = 1;

export class Bench {
  readonly options: BenchOptions;
  /** What was real in the systems that were started. */
  readonly parts: Partial<PartKinds> = {};
  #open: { variant: Variant; laboratory: Laboratory } | undefined;
  readonly #series = new Map<Variant, Promise<MeasuredRenewal[]>>();

  constructor(options: BenchOptions) {
    this.options = options;
  }

  /** The laboratory of this variant; another one is stopped first, because the machine shall do one thing at a time. */
  async laboratory(variant: Variant): Promise<Laboratory> {
    if (this.#open?.variant === variant) return this.#open.laboratory;
    await this.close();
    const certificates = Math.min(MOST_CANDIDATES, Math.max(LEAST_CANDIDATES, this.options.runs + WARM_UP));
    const laboratory = await this.fresh(certificates, variant);
    this.#open = { variant, laboratory };
    return laboratory;
  }

  /** A laboratory of one's own, to be stopped by the caller. */
  async fresh(certificates: number, variant: Variant, more: Pick<LaboratoryOptions, 'zone' | 'namecheap' | 'fleet'> = {}): Promise<Laboratory> {
    const { environment, say, signal } = this.options;
    await this.close();
    signal.throwIfAborted();
    say(`Starting a system with ${certificates} certificates ...`);
    const laboratory = await Laboratory.start({
      certificates,
      environment,
      say,
      ...more,
      ...(variant === 'refused-sometimes' ? {} : { nonceRejects: 0 }),
      ...(variant === 'authorizations-kept' ? { toml: keepAuthorizations } : {}),
    });
    Object.assign(this.parts, laboratory.system.kinds, { proxy: 'stand-in' });
    return laboratory;
  }

  /** `runs` renewals one after the other, measured once however many scenarios look at them. */
  renewals(variant: Variant): Promise<MeasuredRenewal[]> {
    const known = this.#series.get(variant);
    if (known !== undefined) return known;
    const series = this.#measure(variant);
    this.#series.set(variant, series);
    return series;
  }

  async close(): Promise<void> {
    const open = this.#open;
    this.#open = undefined;
    await open?.laboratory.stop();
  }

  async #measure(variant: Variant): Promise<MeasuredRenewal[]> {
    const { runs, say, signal } = this.options;
    const laboratory = await this.laboratory(variant);
    const measured: MeasuredRenewal[] = [];
    for (let run = -WARM_UP; run < runs; run += 1) {
      signal.throwIfAborted();
      // One at a time: that is what is measured.
      // oxlint-disable-next-line no-await-in-loop
      const renewal = await measureRenewal(laboratory, signal);
      if (run < 0) continue;
      measured.push(renewal);
      say(
        `renewal ${run + 1} of ${runs}: issued in ${renewal.issuedMs} ms, served in ${renewal.servedMs} ms (${renewal.phases.map(({ name, ms }) => `${name} ${ms}`).join(', ')})`,
      );
    }
    if (measured.length === 0) throw new PerennialError('bench_no_renewal', 'No renewal was measured.');
    return measured;
  }
}

function keepAuthorizations(toml: string): string {
  return toml.replace('[acme]', '[acme]\ndeactivate_authorizations = false');
}
