/**
 * The two parts of acme-client that are used, under the paths it ships them at. Its index is not imported: that would
 * bring node-forge and its `auto` mode into the bundle. The version is pinned exactly in package.json.
 */
declare module 'acme-client/src/http.js' {
  export interface ClientReply {
    status: number;
    /** Names in lower case. */
    headers: Record<string, string>;
    data: unknown;
  }
  export default class HttpClient {
    constructor(directoryUrl: string, accountKey: string, externalAccountBinding?: { kid?: string; hmacKey?: string });
    maxBadNonceRetries: number;
    request(url: string, method: string, options?: { data?: unknown }): Promise<ClientReply>;
    getDirectory(): Promise<Record<string, unknown>>;
    getNonce(): Promise<string>;
    /** Flattened JWS; without `kid` the header carries the public key. */
    createSignedBody(url: string, payload: object | null, options?: { nonce?: string | null; kid?: string | null }): Record<string, string>;
    /** Public members only, sorted by name as RFC 7638 wants them. */
    getJwk(): Record<string, string>;
  }
}

declare module 'acme-client/src/api.js' {
  import type HttpClient from 'acme-client/src/http.js';
  import type { ClientReply } from 'acme-client/src/http.js';
  export default class AcmeApi {
    constructor(http: HttpClient, accountUrl?: string | null);
    /** POST-as-GET when `payload` is null. */
    apiRequest(url: string, payload?: object | null, validStatusCodes?: number[]): Promise<ClientReply>;
    createAccount(data: object): Promise<ClientReply>;
    createOrder(data: object): Promise<ClientReply>;
    finalizeOrder(url: string, data: { csr: string }): Promise<ClientReply>;
    completeChallenge(url: string, data: object): Promise<ClientReply>;
  }
}
