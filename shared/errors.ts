/**
 * The one error type of the project. People branch on `code` and read `message`.
 *
 * Every boundary (relay response, Durable Object call, HTTP API) carries the same plain shape, {@link ErrorData},
 * so that an error keeps its code, its retry advice and its hint however many hops it travels.
 */
import { z } from 'zod';

export const errorDataSchema = z.object({
  /** Stable, lower snake case, prefixed by the part that failed: `relay_offline`, `acme_rate_limited`, `nomad_conflict`. */
  code: z.string().regex(/^[a-z][a-z0-9_]{2,63}$/),
  /** One English sentence for a person. Never holds a secret, a key or a token. */
  message: z.string().max(2_000),
  retryable: z.boolean(),
  /** Unix milliseconds before which a retry is pointless; absent when the failing part said nothing. */
  retryAt: z.number().int().nonnegative().optional(),
  /** What to do, in one sentence. */
  hint: z.string().max(1_000).optional(),
  /** Extra facts for programs: names, paths, indexes. Never secrets. */
  details: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])).optional(),
});

export type ErrorData = z.infer<typeof errorDataSchema>;

export interface PerennialErrorOptions {
  retryable?: boolean;
  retryAt?: number | undefined;
  hint?: string | undefined;
  details?: ErrorData['details'];
  cause?: unknown;
}

export class PerennialError extends Error {
  override readonly name = 'PerennialError';
  readonly code: string;
  readonly retryable: boolean;
  readonly retryAt: number | undefined;
  readonly hint: string | undefined;
  readonly details: ErrorData['details'];

  constructor(code: string, message: string, options: PerennialErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryable = options.retryable ?? false;
    this.retryAt = options.retryAt;
    this.hint = options.hint;
    this.details = options.details;
  }

  /** The plain shape that crosses process and object borders; drops `cause`, which may hold anything. */
  toData(): ErrorData {
    return {
      code: this.code,
      message: this.message.slice(0, 2_000),
      retryable: this.retryable,
      ...(this.retryAt === undefined ? {} : { retryAt: this.retryAt }),
      ...(this.hint === undefined ? {} : { hint: this.hint }),
      ...(this.details === undefined ? {} : { details: this.details }),
    };
  }

  static fromData(data: ErrorData): PerennialError {
    return new PerennialError(data.code, data.message, data);
  }
}

/**
 * Turns anything that was thrown into a typed error. An unknown throw becomes `internal` and retryable, without its
 * message: that message may quote a request, and with it a secret. The original stays reachable as `cause`.
 */
export function toPerennialError(thrown: unknown, code = 'internal', message = 'An unexpected error occurred.'): PerennialError {
  if (thrown instanceof PerennialError) return thrown;
  return new PerennialError(code, message, { retryable: true, cause: thrown });
}

/** What a Durable Object method returns: errors thrown across objects lose their fields, results do not. */
export type Outcome<T> = { ok: true; value: T } | { ok: false; error: ErrorData };

/** Runs `work` and settles it into an {@link Outcome}; never throws. The callee's side of an object border. */
export async function settle<T>(work: () => T | Promise<T>): Promise<Outcome<T>> {
  try {
    return { ok: true, value: await work() };
  } catch (thrown) {
    return { ok: false, error: toPerennialError(thrown).toData() };
  }
}

/** The caller's side of an object border: the value, or the callee's error thrown as {@link PerennialError}. */
export function unwrap<T>(outcome: Outcome<T>): T {
  if (outcome.ok) return outcome.value;
  throw PerennialError.fromData(outcome.error);
}
