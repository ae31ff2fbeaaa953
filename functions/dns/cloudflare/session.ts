/** Calls of the SDK with one block's token: read anew each time, within the rate, their failures as {@link DnsError}. */
import type { Clock } from '../../../shared/clock.ts';
import type { CloudflareVendor } from '../../config/configuration.ts';
import { boundedFetch } from '../bounded-fetch.ts';
import { DnsError } from '../dns-error.ts';
import type { DnsRecord, SecretReader } from '../provider.ts';
import { createCloudflareClient, type CloudflareClient } from './client.ts';
import { envelopeOnly } from './envelope.ts';
import { toDnsError, type Permission } from './failures.ts';
import { ratedFetch, RequestRates } from './request-rate.ts';

const MAX_RESPONSE_BYTES = 4_194_304;

export interface SessionDependencies {
  secret: SecretReader;
  fetch: typeof fetch;
  clock: Clock;
  /** Told about every request that leaves. */
  onRequest?: (() => void) | undefined;
  /** What the vendor said about its limits; those who share it keep within them together. */
  rates?: RequestRates | undefined;
}

export interface Session {
  /** @param permission that a refusal is about. @throws DnsError */
  call<T>(permission: Permission, work: (client: CloudflareClient) => Promise<T>): Promise<T>;
  toError(thrown: unknown, permission: Permission, record?: DnsRecord): DnsError;
}

export function createSession(vendor: CloudflareVendor, dependencies: SessionDependencies): Session {
  const { secret, clock, onRequest } = dependencies;
  const rate = (dependencies.rates ?? new RequestRates()).of(vendor.token);
  const bounded = boundedFetch({ fetch: dependencies.fetch, maxBytes: MAX_RESPONSE_BYTES, onRequest });
  const request = envelopeOnly(ratedFetch(bounded, rate, clock));

  function toError(thrown: unknown, permission: Permission, record?: DnsRecord): DnsError {
    return toDnsError(thrown, { block: vendor.name, token: vendor.token, permission, now: clock(), record });
  }

  return {
    toError,
    /** Reads the token anew each time, so that a rotated one is used at once. */
    async call(permission, work) {
      const client = createCloudflareClient({ token: await secret(vendor.token), endpoint: vendor.endpoint, fetch: request });
      try {
        return await work(client);
      } catch (thrown) {
        throw toError(thrown, permission);
      }
    },
  };
}

/** Null where the token lacks the permission. */
export async function unlessForbidden<T>(work: Promise<T>): Promise<T | null> {
  try {
    return await work;
  } catch (thrown) {
    if (thrown instanceof DnsError && thrown.code === 'dns_forbidden') return null;
    throw thrown;
  }
}
