/**
 * The official SDK, reduced to zones and records. Its retries are off (it would sleep as long as any Retry-After says),
 * and nothing of it is left to the environment: whatever falls back to a variable is passed here.
 */
import { createClient } from 'cloudflare/tree-shakable';
import { BaseRecords } from 'cloudflare/resources/dns/records';
import { BaseZones } from 'cloudflare/resources/zones/zones';
import { SECOND } from '../../../shared/clock.ts';

const API = 'https://api.cloudflare.com/client/v4';
/** One request to the vendor, body included. */
export const REQUEST_TIMEOUT_MS = 15 * SECOND;

export function createCloudflareClient(options: { token: string; endpoint: string | null; fetch: typeof fetch }) {
  return createClient({
    resources: [BaseRecords, BaseZones],
    apiToken: options.token,
    apiKey: null,
    apiEmail: null,
    userServiceKey: null,
    baseURL: options.endpoint ?? API,
    maxRetries: 0,
    timeout: REQUEST_TIMEOUT_MS,
    logLevel: 'off',
    fetch: options.fetch,
  });
}

export type CloudflareClient = ReturnType<typeof createCloudflareClient>;
