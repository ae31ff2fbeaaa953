/**
 * The job's `template` block over one variable: a blocking query with the task's own identity, rendered after the
 * variable has been quiet for `wait.min` (at most `wait.max` after the first change; the first render does not wait).
 * A variable that is deleted or never existed renders nothing: the last file stays.
 */
import { z } from 'zod';
import type { CertificatePair } from './dynamic-configuration.ts';

export interface TemplateOptions {
  /** e.g. `http://127.0.0.1:4646`. */
  address: string;
  token: string;
  namespace: string;
  variable: string;
  /** `wait { min }`, milliseconds. */
  quiescenceMs: number;
  /** `wait { max }`, milliseconds. */
  maxQuiescenceMs: number;
  render: (pair: CertificatePair) => void;
}

const RETRY_BACKOFF_MS = 250;
const MAX_RETRY_BACKOFF_MS = 2_000;

/** A missing item renders as an empty string, as `.Value` of nothing does. */
const variableSchema = z.object({ Items: z.object({ certificate: z.string().default(''), key: z.string().default('') }) });

export class Template {
  readonly #options: TemplateOptions;
  readonly #stopped = new AbortController();
  #quiet: NodeJS.Timeout | undefined;
  #firstChangeAt: number | undefined;
  #rendered = false;
  readonly #watching: Promise<void>;

  constructor(options: TemplateOptions) {
    this.#options = options;
    this.#watching = this.#watch();
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    clearTimeout(this.#quiet);
    await this.#watching;
  }

  async #watch(): Promise<void> {
    let index = 0;
    let backoff = RETRY_BACKOFF_MS;
    while (!this.#stopped.signal.aborted) {
      try {
        // A blocking query starts from where the last one ended.
        // oxlint-disable-next-line no-await-in-loop
        const answer = await this.#read(index);
        backoff = RETRY_BACKOFF_MS;
        if (answer.index !== index && answer.pair !== undefined) this.#changed(answer.pair);
        // An index that went backwards means that the agent's state was lost: start over.
        index = answer.index < index ? 0 : answer.index;
      } catch {
        if (this.#stopped.signal.aborted) return;
        // oxlint-disable-next-line no-await-in-loop
        await this.#pause(backoff);
        backoff = Math.min(backoff * 2, MAX_RETRY_BACKOFF_MS);
      }
    }
  }

  async #read(index: number): Promise<{ index: number; pair: CertificatePair | undefined }> {
    const { address, namespace, token, variable } = this.#options;
    const response = await fetch(`${address}/v1/var/${variable}?namespace=${namespace}&index=${index}&wait=60s`, {
      headers: { 'x-nomad-token': token },
      signal: this.#stopped.signal,
    });
    const body = await response.text();
    if (response.status !== 200 && response.status !== 404) throw new Error(`variable answered ${response.status}`);
    const seen = Number(response.headers.get('x-nomad-index') ?? '0');
    return { index: seen, pair: response.status === 404 ? undefined : variableSchema.parse(JSON.parse(body)).Items };
  }

  #changed(pair: CertificatePair): void {
    clearTimeout(this.#quiet);
    if (!this.#rendered) {
      this.#rendered = true;
      this.#options.render(pair);
      return;
    }
    const now = performance.now();
    this.#firstChangeAt ??= now;
    const left = this.#firstChangeAt + this.#options.maxQuiescenceMs - now;
    this.#quiet = setTimeout(
      () => {
        this.#firstChangeAt = undefined;
        this.#options.render(pair);
      },
      Math.max(0, Math.min(this.#options.quiescenceMs, left)),
    );
  }

  async #pause(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#stopped.signal.addEventListener('abort', () => {
        clearTimeout(timer);
        resolve();
      });
    });
  }
}
