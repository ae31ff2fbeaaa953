/**
 * CNAME delegation of challenges: a name whose vendor we have no key for points once at a name of ours, and its
 * challenges are published there. The vendor's key stays with its owner.
 */
import { sha256Hex } from '../../shared/x509/chain.ts';
import { PerennialError } from '../../shared/errors.ts';
import type { DnsVendor } from '../config/configuration.ts';
import { DnsError } from './dns-error.ts';

/** 80 bits: two names never meet, and `<label>.<delegation>` stays short. */
const LABEL_CHARACTERS = 20;

/** The record that a person creates once. */
export interface Delegation {
  /** The `[dns.x]` block that offers it. */
  block: string;
  name: string;
  target: string;
}

/** The delegation that the first block with `delegation` offers for a challenge name; always the same one. Null without such a block. */
export async function delegationFor(challenge: string, vendors: readonly DnsVendor[]): Promise<Delegation | null> {
  for (const vendor of vendors) {
    if (vendor.provider !== 'cloudflare' || vendor.delegation === null) continue;
    const label = (await sha256Hex(new Uint8Array(new TextEncoder().encode(challenge)))).slice(0, LABEL_CHARACTERS);
    return { block: vendor.name, name: challenge, target: `${label}.${vendor.delegation}` };
  }
  return null;
}

/** Whether a name lies below what some block offers for delegations. */
export function isOffered(name: string, vendors: readonly DnsVendor[]): boolean {
  return vendors.some((vendor) => vendor.provider === 'cloudflare' && vendor.delegation !== null && name.endsWith(`.${vendor.delegation}`));
}

/**
 * The same error with the way out that needs no key of the name's vendor: the exact record, or the line that makes us
 * name one. @param found target of the CNAME that stands there now; null when none does.
 */
export async function withDelegation(error: PerennialError, challenge: string, found: string | null, vendors: readonly DnsVendor[]): Promise<PerennialError> {
  const delegation = await delegationFor(challenge, vendors);
  const hint = [error.hint, delegation === null ? howToOffer(vendors) : howToCreate(delegation, found)].filter((part) => part !== undefined).join(' ');
  const options = {
    retryable: error.retryable,
    retryAt: error.retryAt,
    hint,
    details: {
      ...error.details,
      ...(delegation === null ? {} : { delegationName: delegation.name, delegationTarget: delegation.target, delegationFound: found }),
    },
    cause: error,
  };
  return error instanceof DnsError ? new DnsError(error.code, error.message, options) : new PerennialError(error.code, error.message, options);
}

function howToCreate({ block, name, target }: Delegation, found: string | null): string {
  const now = found === null ? 'Nothing stands there now.' : `Now it points at ${found}.`;
  return `Or, without any key of its vendor, create this record there once: ${name} CNAME ${target} (challenges are then published through [dns.${block}]). ${now}`;
}

function howToOffer(vendors: readonly DnsVendor[]): string {
  const block = vendors.find(({ provider }) => provider === 'cloudflare');
  const where = block === undefined ? 'a [dns.x] block with provider = "cloudflare"' : `[dns.${block.name}]`;
  return `Or delegate it: add the line delegation = "acme.<a zone of yours there>" to ${where}, and this message names the CNAME to create.`;
}
