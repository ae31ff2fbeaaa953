/**
 * Pending certificate keys: one Nomad variable per issuance in the relay's own area.
 *
 * Invariants: a key leaves the area only into a delivered variable; the same issuance always has the same key, however
 * often and by however many relays it is asked for (check-and-set with index 0).
 */
import { createPublicKey } from 'node:crypto';
import { z } from 'zod';
import { DAY } from '../../../shared/clock.ts';
import type { Clock } from '../../../shared/clock.ts';
import { PerennialError } from '../../../shared/errors.ts';
import { sha256Hex } from '../../../shared/x509/chain.ts';
import { keyTypeSchema } from '../../../shared/relay/contract.ts';
import type { CreateKeyRequest } from '../../../shared/relay/contract.ts';
import type { VariablePlace, VariableStore } from '../nomad/variables.ts';
import { makeKeyAndRequest, requestWithKey } from './certificate-request.ts';
import type { KeyAndRequest } from './certificate-request.ts';

/** Keys that nobody finished with are destroyed after this, in milliseconds. An ACME order lives a week at most. */
export const LEFTOVER_MS = 30 * DAY;

const storedKey = z.object({ key: z.string(), csr: z.string(), spki: z.string(), names: z.string(), type: keyTypeSchema });

export class KeyArea {
  readonly #variables: VariableStore;
  readonly #area: { prefix: string; namespace: string };

  constructor(variables: VariableStore, area: { prefix: string; namespace: string }) {
    this.#variables = variables;
    this.#area = area;
  }

  /**
   * The key of an issuance, made now when there is none: a copy of the key of `reuse`, if that is still here and of the same
   * type, else a new one. Throws `key_conflict` when it exists for other names or another type. A lost reply is resolved
   * by reading.
   */
  async create(request: CreateKeyRequest, signal?: AbortSignal): Promise<KeyAndRequest> {
    const existing = await this.#read(request.issuance, signal);
    if (existing !== null) return sameRequest(existing, request);
    const made = await this.#make(request, signal);
    const items = { ...made, names: nameList(request.names), type: request.keyType };
    let failure: unknown = new PerennialError('nomad_unavailable', 'The key area changed while a key was written.', { retryable: true });
    try {
      const result = await this.#variables.write(this.#place(request.issuance), items, 0, signal);
      if (result.written) return made;
    } catch (thrown) {
      if (!(thrown instanceof PerennialError && thrown.code === 'nomad_unavailable')) throw thrown;
      failure = thrown;
    }
    // Another relay was first, or the reply got lost: what stands there now is the key of this issuance.
    const standing = await this.#read(request.issuance, signal);
    if (standing === null) throw failure;
    return sameRequest(standing, request);
  }

  /** The private key (PKCS#8 PEM) and its fingerprint, or null. */
  async take(issuance: string, signal?: AbortSignal): Promise<{ key: string; spki: string } | null> {
    return this.#read(issuance, signal);
  }

  /** Destroys it; false when there was none. */
  async remove(issuance: string, signal?: AbortSignal): Promise<boolean> {
    const place = this.#place(issuance);
    const there = await this.#variables.read(place, signal);
    if (there === null) return false;
    await this.#variables.remove(place, signal);
    return true;
  }

  /** Destroys what nobody finished in 30 days and returns how many there were. */
  async sweep(clock: Clock): Promise<number> {
    const prefix = `${this.#area.prefix}/keys/`;
    const old = (await this.#variables.list({ path: prefix, namespace: this.#area.namespace })).filter(
      ({ path, modifiedAt }) => path.startsWith(prefix) && modifiedAt < clock() - LEFTOVER_MS,
    );
    for (const { path } of old) {
      // One at a time: nobody waits for this.
      // oxlint-disable-next-line no-await-in-loop
      await this.#variables.remove({ path, namespace: this.#area.namespace });
    }
    return old.length;
  }

  async #make({ names, keyType, reuse }: CreateKeyRequest, signal?: AbortSignal): Promise<KeyAndRequest> {
    const former = reuse === undefined ? null : await this.#read(reuse, signal);
    return former?.type === keyType ? requestWithKey(names, keyType, former.key) : makeKeyAndRequest(names, keyType);
  }

  #place(issuance: string): VariablePlace {
    return { path: `${this.#area.prefix}/keys/${issuance}`, namespace: this.#area.namespace };
  }

  async #read(issuance: string, signal?: AbortSignal): Promise<z.infer<typeof storedKey> | null> {
    const variable = await this.#variables.read(this.#place(issuance), signal);
    if (variable === null) return null;
    const parsed = storedKey.safeParse(variable.items);
    if (!parsed.success) {
      throw new PerennialError('key_unreadable', `The pending key of issuance ${issuance} has another shape than the relay writes.`, {
        hint: `Remove the variable ${this.#place(issuance).path}; the issuance starts again with a new key.`,
      });
    }
    return parsed.data;
  }
}

function sameRequest(stored: z.infer<typeof storedKey>, request: CreateKeyRequest): KeyAndRequest {
  if (stored.names !== nameList(request.names) || stored.type !== request.keyType) {
    throw new PerennialError('key_conflict', `Issuance ${request.issuance} has a key for other names or of another type already.`);
  }
  return { key: stored.key, csr: stored.csr, spki: stored.spki };
}

function nameList(names: readonly string[]): string {
  return [...new Set(names)].toSorted().join(' ');
}

/** SHA-256 of the SubjectPublicKeyInfo of a private key in PEM, hex; null when it is not a key. */
export async function spkiOfKey(pem: string): Promise<string | null> {
  try {
    return await sha256Hex(new Uint8Array(createPublicKey(pem).export({ type: 'spki', format: 'der' })));
  } catch {
    return null;
  }
}
