/** Who may do what: API tokens, and the refusals Cloudflare answers with. Global API keys are not emulated. */
import { createHash } from 'node:crypto';
import { ApiFailure } from './failure.ts';

export type TokenStatus = 'active' | 'disabled' | 'expired';

/** `dns:edit` includes reading records; no DNS permission includes `zone:read`. */
export type Permission = 'zone:read' | 'dns:read' | 'dns:edit';

export interface TokenSpec {
  /** Cloudflare's user tokens have 40 characters of `[A-Za-z0-9_-]`. */
  token: string;
  status?: TokenStatus;
  /** Whose token it is: each kind is verified at an address of its own. The user's by default. */
  owner?: 'user' | 'account';
  /** ISO 8601, shown by the verification. */
  expiresOn?: string;
  /** Limited to other client addresses than any caller's. */
  elsewhere?: boolean;
  grants: readonly { zones: '*' | readonly string[]; permissions: readonly Permission[] }[];
}

export interface Actor {
  id: string;
  status: TokenStatus;
  expiresOn: string | undefined;
  may(permission: Permission, zone: string): boolean;
  mayListAllZones: boolean;
}

const TOKEN_FORMAT = /^[A-Za-z0-9_-]{40,80}$/;

export class Tokens {
  readonly #byToken: ReadonlyMap<string, TokenSpec>;

  constructor(tokens: readonly TokenSpec[]) {
    const malformed = tokens.find(({ token }) => !TOKEN_FORMAT.test(token));
    if (malformed !== undefined) throw new RangeError('A Cloudflare token has 40 to 80 characters of A-Z, a-z, 0-9, _ and -.');
    this.#byToken = new Map(tokens.map((token) => [token.token, token]));
  }

  /** The token's owner. @throws ApiFailure in the vendor's three shapes: nothing sent, malformed, unknown. */
  authenticate(authorization: string | undefined, endpoint: 'verify user' | 'verify account' | 'other'): Actor {
    const verifies = endpoint !== 'other';
    if (authorization === undefined) {
      if (verifies) throw new ApiFailure(400, [{ code: 1_001, message: 'Missing "Authorization" header' }]);
      throw new ApiFailure(400, [{ code: 9_106, message: 'Missing X-Auth-Key, X-Auth-Email or Authorization headers' }]);
    }
    const token = /^Bearer (\S+)$/.exec(authorization)?.[1] ?? '';
    if (!TOKEN_FORMAT.test(token)) {
      throw new ApiFailure(400, [
        { code: 6_003, message: 'Invalid request headers', error_chain: [{ code: 6_111, message: 'Invalid format for Authorization header' }] },
      ]);
    }
    const spec = this.#byToken.get(token);
    const known = spec !== undefined && (verifies ? endpoint === `verify ${spec.owner ?? 'user'}` : (spec.status ?? 'active') === 'active');
    if (!known) {
      throw verifies
        ? new ApiFailure(401, [{ code: 1_000, message: 'Invalid API Token' }])
        : new ApiFailure(403, [{ code: 9_109, message: 'Invalid access token' }]);
    }
    if (spec.elsewhere === true) throw new ApiFailure(403, [{ code: 9_109, message: 'Cannot use the access token from location: 192.0.2.7' }]);
    return actorOf(spec);
  }
}

function actorOf(spec: TokenSpec): Actor {
  return {
    id: createHash('sha256').update(spec.token).digest('hex').slice(0, 32),
    status: spec.status ?? 'active',
    expiresOn: spec.expiresOn,
    may: (permission, zone) =>
      spec.grants.some(
        ({ zones, permissions }) =>
          (zones === '*' || zones.includes(zone)) && (permissions.includes(permission) || (permission === 'dns:read' && permissions.includes('dns:edit'))),
      ),
    mayListAllZones: spec.grants.some(({ zones, permissions }) => zones === '*' && permissions.includes('zone:read')),
  };
}

export function zoneListDenied(actor: Actor): ApiFailure {
  return new ApiFailure(403, [
    { code: 0, message: `Actor 'com.cloudflare.api.token.${actor.id}' requires permission 'com.cloudflare.api.account.zone.list' to list zones` },
  ]);
}

export const ZONE_DENIED = new ApiFailure(403, [{ code: 9_109, message: 'Unauthorized to access requested resource' }]);
export const DNS_DENIED = new ApiFailure(403, [{ code: 10_000, message: 'Authentication error' }]);
