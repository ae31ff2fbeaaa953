/**
 * Nomad variables with check-and-set (`/v1/var`, `/v1/vars`).
 *
 * Invariants: request bodies are built from scratch out of items; replies are read for index and items only, because
 * their times are int64 nanoseconds that do not survive a JSON number. Times are used for ages, rounded.
 */
import { z } from 'zod';
import { PerennialError } from '../../../shared/errors.ts';
import type { NomadClient } from './client.ts';

export type Items = Readonly<Record<string, string>>;

export interface Variable {
  /** ModifyIndex, for check-and-set. */
  index: number;
  items: Items;
}

export interface VariableEntry {
  path: string;
  index: number;
  /** Unix milliseconds, rounded. */
  modifiedAt: number;
}

export interface VariablePlace {
  path: string;
  namespace: string;
}

/** What became of a check-and-set write. After `conflict` read again: the reply may lack items, or come from a lock. */
export type WriteResult = { written: true; index: number } | { written: false };

/** The port that keys, records and installation need. */
export interface VariableStore {
  read(place: VariablePlace, signal?: AbortSignal): Promise<Variable | null>;
  /** `cas` 0: only when there is none. */
  write(place: VariablePlace, items: Items, cas: number, signal?: AbortSignal): Promise<WriteResult>;
  /** Removes whatever is there; missing is fine. */
  remove(place: VariablePlace, signal?: AbortSignal): Promise<void>;
  list(prefix: VariablePlace, signal?: AbortSignal): Promise<VariableEntry[]>;
}

/** Sum of the bytes of all keys and values (nomad/structs/variables.go). */
export const MAX_VARIABLE_BYTES = 65_536;

const written = z.object({ ModifyIndex: z.number().int() });
const variable = written.extend({ Items: z.record(z.string(), z.string()) });
const entry = written.extend({ Path: z.string(), ModifyTime: z.number() });

export class NomadVariables implements VariableStore {
  readonly #client: NomadClient;

  constructor(client: NomadClient) {
    this.#client = client;
  }

  async read(place: VariablePlace, signal?: AbortSignal): Promise<Variable | null> {
    const reply = await this.#client.call({ method: 'GET', path: url(place), capability: `read on ${place.path}`, signal });
    if (reply.status === 404) return null;
    const { ModifyIndex, Items } = understand(reply, variable);
    return { index: ModifyIndex, items: Items };
  }

  async write(place: VariablePlace, items: Items, cas: number, signal?: AbortSignal): Promise<WriteResult> {
    if (sizeOf(items) > MAX_VARIABLE_BYTES) {
      throw new PerennialError(
        'nomad_variable_too_large',
        `The variable ${place.path} would hold ${sizeOf(items)} bytes; Nomad allows ${MAX_VARIABLE_BYTES}.`,
        {
          hint: 'Give the certificate a variable of its own, or remove other items from this one.',
        },
      );
    }
    const reply = await this.#client.call({
      method: 'PUT',
      path: `${url(place)}&cas=${cas}`,
      body: JSON.stringify({ Items: items }),
      capability: `write on ${place.path}`,
      signal,
    });
    if (reply.status === 409) return { written: false };
    return { written: true, index: understand(reply, written).ModifyIndex };
  }

  async remove(place: VariablePlace, signal?: AbortSignal): Promise<void> {
    const reply = await this.#client.call({ method: 'DELETE', path: url(place), capability: `destroy on ${place.path}`, signal });
    if (reply.status >= 300 && reply.status !== 404) throw refused(reply);
  }

  async list(prefix: VariablePlace, signal?: AbortSignal): Promise<VariableEntry[]> {
    const query = new URLSearchParams({ prefix: prefix.path, namespace: prefix.namespace });
    const reply = await this.#client.call({ method: 'GET', path: `/v1/vars?${query}`, capability: `list on ${prefix.path}`, signal });
    return understand(reply, z.array(entry)).map(({ Path, ModifyIndex, ModifyTime }) => ({
      path: Path,
      index: ModifyIndex,
      modifiedAt: Math.round(ModifyTime / 1e6),
    }));
  }
}

export function sizeOf(items: Items): number {
  return Object.entries(items).reduce((sum, [name, value]) => sum + Buffer.byteLength(name) + Buffer.byteLength(value), 0);
}

/** Paths hold no character that needs escaping (checked by the schemas that let them in). */
function url(place: VariablePlace): string {
  return `/v1/var/${place.path}?namespace=${encodeURIComponent(place.namespace)}`;
}

function understand<S extends z.ZodType>(reply: { status: number; body: string }, schema: S): z.infer<S> {
  if (reply.status >= 300) throw refused(reply);
  try {
    return schema.parse(JSON.parse(reply.body));
  } catch (cause) {
    // The text may hold items; the cause of a schema error holds paths only, a JSON error quotes text, so neither is kept.
    throw new PerennialError('nomad_unavailable', 'Nomad sent an answer of another shape than a variable.', {
      retryable: true,
      cause: cause instanceof z.ZodError ? cause.name : undefined,
    });
  }
}

function refused(reply: { status: number; body: string }): PerennialError {
  return new PerennialError('nomad_refused', `Nomad refused the variable with status ${reply.status}: ${reply.body.slice(0, 200)}`);
}
