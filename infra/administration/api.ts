/** The administration API as commands call it. Every failure is an Error that says what to do; none holds the token. */
import type { z } from 'zod';
import { refusalSchema } from '../../shared/relay/contract.ts';
import { refuseClearText } from '../setup/administrator.ts';

/** A zone at a vendor that replaces whole zones is read and compared before it answers. */
const DEADLINE_MS = 60_000;

export interface ApiOptions {
  origin: string;
  adminToken: string;
  fetch: typeof fetch;
}

export class Api {
  readonly #options: ApiOptions;

  /** Throws an Error for an address that the token must not travel to. */
  constructor(options: ApiOptions) {
    refuseClearText(options.origin);
    this.#options = options;
  }

  get<S extends z.ZodType>(path: string, schema: S): Promise<z.infer<S>> {
    return this.#call('GET', path, schema);
  }

  post<S extends z.ZodType>(path: string, body: object, schema: S): Promise<z.infer<S>> {
    return this.#call('POST', path, schema, JSON.stringify(body));
  }

  async #call<S extends z.ZodType>(method: string, path: string, schema: S, body?: string): Promise<z.infer<S>> {
    const { origin, adminToken, fetch } = this.#options;
    const url = new URL(path, origin);
    let response: Response;
    try {
      response = await fetch(url, {
        method,
        headers: { authorization: `Bearer ${adminToken}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
        ...(body === undefined ? {} : { body }),
        redirect: 'error',
        signal: AbortSignal.timeout(DEADLINE_MS),
      });
    } catch (cause) {
      const doubt = method === 'GET' ? '' : ' What was asked for may have been done: look before you ask again.';
      throw new Error(`${url.origin} could not be reached.${doubt} Is the Worker deployed there?`, { cause });
    }
    const answer: unknown = await response.json().catch(() => null);
    if (response.status === 401)
      throw new Error(`${url.origin} does not accept the administrator token. It comes from ADMIN_TOKEN, .perennial/admin-token or standard input.`);
    if (!response.ok) {
      const refusal = refusalSchema.safeParse(answer);
      if (!refusal.success) throw new Error(`${url.origin} answered ${response.status}. Is it a Worker of this release?`);
      const { code, message, hint } = refusal.data.error;
      throw new Error(`${message} ${hint ?? ''}`.trim() + ` (${code})`);
    }
    const parsed = schema.safeParse(answer);
    if (parsed.success) return parsed.data;
    throw new Error(`${url.origin} answered what this command does not understand. Is it a Worker of another release?`, { cause: parsed.error });
  }
}
