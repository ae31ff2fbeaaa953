/**
 * What the relay itself wrote into a delivered variable, kept in its own area: the fingerprints it may call its own, and
 * the previous pair until a good verification. It is written before the variable, so that after a crash in between the
 * own write is never taken for a stranger's.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Clock } from '../../../shared/clock.ts';
import { PerennialError } from '../../../shared/errors.ts';
import type { Target } from '../../../shared/relay/contract.ts';
import { LEFTOVER_MS } from '../keys/key-area.ts';
import { MAX_VARIABLE_BYTES, sizeOf } from '../nomad/variables.ts';
import type { Items, VariableEntry, VariablePlace, VariableStore } from '../nomad/variables.ts';

/** Own fingerprints that are remembered: the one being written and the ones it may still find. */
const REMEMBERED = 4;
const TRIES = 4;

const recordSchema = z.object({ fingerprints: z.string(), target: z.string() });
const previousSchema = z.object({ previous_sha256: z.string(), previous_certificate: z.string(), previous_key: z.string() });

export interface Replacement {
  /** Fingerprint about to be written. */
  sha256: string;
  /** The pair that stands there now, if it is a pair. */
  previous: { sha256: string; certificate: string; key: string } | null;
}

export class DeliveryRecords {
  readonly #variables: VariableStore;
  readonly #area: { prefix: string; namespace: string };

  constructor(variables: VariableStore, area: { prefix: string; namespace: string }) {
    this.#variables = variables;
    this.#area = area;
  }

  /** Fingerprints that the relay wrote or was about to write there, newest first. */
  async own(certificate: string, target: Target, signal?: AbortSignal): Promise<string[]> {
    return fingerprintsOf((await this.#variables.read(this.#place(certificate, target), signal))?.items);
  }

  /** The pair that stood there before the newest of ours; null once that one is proven, or when it was too large to keep. */
  async previous(certificate: string, target: Target, signal?: AbortSignal): Promise<Replacement['previous']> {
    const items = (await this.#variables.read(this.#place(certificate, target), signal))?.items;
    const parsed = previousSchema.safeParse(items ?? {});
    if (!parsed.success) return null;
    return { sha256: parsed.data.previous_sha256, certificate: parsed.data.previous_certificate, key: parsed.data.previous_key };
  }

  /** Notes a replacement before it happens. Repeatable. */
  async note(certificate: string, target: Target, replacement: Replacement, signal?: AbortSignal): Promise<void> {
    const place = this.#place(certificate, target);
    for (let attempt = 0; attempt < TRIES; attempt += 1) {
      // oxlint-disable-next-line no-await-in-loop -- read, then write what was read
      const standing = await this.#variables.read(place, signal);
      const own = fingerprintsOf(standing?.items);
      const items = {
        fingerprints: [replacement.sha256, ...own.filter((fingerprint) => fingerprint !== replacement.sha256)].slice(0, REMEMBERED).join(' '),
        target: `${target.namespace}/${target.variable}`,
        ...previousItems(replacement, standing?.items),
      };
      // oxlint-disable-next-line no-await-in-loop
      const result = await this.#variables.write(place, fitting(items), standing?.index ?? 0, signal);
      if (result.written) return;
    }
    throw new PerennialError('nomad_conflict', `The relay's record of ${certificate} keeps changing.`, { retryable: true });
  }

  /** Destroys previous pairs of a certificate whose current one is proven live. */
  async forgetPrevious(certificate: string, sha256: string, signal?: AbortSignal): Promise<void> {
    for (const { path } of await this.#list(`${certificate}/`, signal)) {
      // oxlint-disable-next-line no-await-in-loop -- a handful
      await this.#strip(path, ({ fingerprints }) => fingerprints.split(' ')[0] === sha256, signal);
    }
  }

  /** Destroys previous pairs that nobody verified away in 30 days, and returns how many there were. */
  async sweep(clock: Clock): Promise<number> {
    let count = 0;
    for (const { path, modifiedAt } of await this.#list('')) {
      // oxlint-disable-next-line no-await-in-loop -- one at a time: nobody waits for this
      if (modifiedAt < clock() - LEFTOVER_MS && (await this.#strip(path, () => true))) count += 1;
    }
    return count;
  }

  async #list(below: string, signal?: AbortSignal): Promise<VariableEntry[]> {
    const path = `${this.#area.prefix}/previous/${below}`;
    return (await this.#variables.list({ path, namespace: this.#area.namespace }, signal)).filter((entry) => entry.path.startsWith(path));
  }

  /** Takes the previous pair out of a record and leaves its fingerprints. */
  async #strip(path: string, when: (record: z.infer<typeof recordSchema>) => boolean, signal?: AbortSignal): Promise<boolean> {
    const { namespace } = this.#area;
    const standing = await this.#variables.read({ path, namespace }, signal);
    const record = recordSchema.safeParse(standing?.items ?? {});
    if (standing === null || standing.items['previous_key'] === undefined || !record.success || !when(record.data)) return false;
    const { fingerprints, target } = record.data;
    // A conflict means that a newer delivery is under way, whose previous pair must stay.
    return (await this.#variables.write({ path, namespace }, { fingerprints, target }, standing.index, signal)).written;
  }

  #place(certificate: string, target: Target): VariablePlace {
    const id = createHash('sha256').update(`${target.namespace}/${target.variable}/${target.certificateItem}`).digest('hex').slice(0, 8);
    return { path: `${this.#area.prefix}/previous/${certificate}/${id}`, namespace: this.#area.namespace };
  }
}

function fingerprintsOf(items: Items | undefined): string[] {
  const parsed = recordSchema.safeParse(items ?? {});
  return parsed.success ? parsed.data.fingerprints.split(' ').filter((text) => text !== '') : [];
}

/**
 * On a repeated note for the same write the previous pair of the first one stays; and a previous pair that is being put
 * back stays until a verification proves it.
 */
function previousItems({ sha256, previous }: Replacement, standing: Items | undefined): Record<string, string> {
  if (previous !== null && previous.sha256 !== sha256) {
    return { previous_sha256: previous.sha256, previous_certificate: previous.certificate, previous_key: previous.key };
  }
  return Object.fromEntries(Object.entries(standing ?? {}).filter(([name]) => name.startsWith('previous_')));
}

/** A previous pair of nearly 64 KiB does not fit beside our own items; then only its fingerprint is kept. */
function fitting(items: Record<string, string>): Items {
  if (sizeOf(items) <= MAX_VARIABLE_BYTES) return items;
  const { previous_certificate: _certificate, previous_key: _key, ...rest } = items;
  return rest;
}
