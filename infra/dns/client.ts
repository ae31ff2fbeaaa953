/** The administration API as the command calls it. Every failure is an Error that says what to do; none holds the token. */
import type { z } from 'zod';
import { choices } from '../../functions/config/suggest.ts';
import { refusalSchema } from '../../shared/relay/contract.ts';
import { refuseClearText } from '../setup/administrator.ts';
import { zonesAnswer, type ListedZone } from './answers.ts';

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

  async zones(): Promise<ListedZone[]> {
    return (await this.get('/api/v1/zones', zonesAnswer)).zones;
  }

  /** @param typed a zone's name or its vendor's id. Throws an Error that names those there are. */
  async zone(typed: string): Promise<ListedZone> {
    const zones = await this.zones();
    const wanted = typed.replace(/\.$/, '').toLowerCase();
    const found = zones.filter(({ zoneId, zoneName }) => zoneName === wanted || zoneId.toLowerCase() === wanted.replaceAll('~', '/'));
    const [first, second] = found;
    if (first === undefined) {
      const names = zones.map(({ zoneName }) => zoneName);
      throw new Error(`There is no zone ${JSON.stringify(typed.slice(0, 253))}, or nothing was written to it yet. ${choices(wanted, names, 'zone')}`);
    }
    if (second !== undefined) throw new Error(`Several zones are named ${first.zoneName}. Give the id of one: ${found.map(({ zoneId }) => zoneId).join(', ')}`);
    return first;
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
