/** What a simulated CA keeps: accounts, orders, authorizations, certificates (RFC 8555 §7.1). */
export interface Problem {
  status: number;
  type: string;
  detail: string;
  retryAfter?: number;
}

export interface CaAuthorization {
  id: string;
  account: string;
  name: string;
  status: 'pending' | 'valid' | 'invalid' | 'deactivated';
  /** Answered, and being looked at. */
  processing: boolean;
  token: string;
  expires: number;
  error: Problem | null;
}

export interface CaOrder {
  id: string;
  account: string;
  names: string[];
  profile: string | null;
  replaces: string | null;
  authorizations: string[];
  expires: number;
  /** Finalized: Unix ms at which the certificate is there. */
  issuedAt: number | null;
  certificate: string | null;
  /** Who finalized it: the issuance whose key is in the request. */
  issuance: string | null;
  error: Problem | null;
  /** A replacement inside its window, and a renewal of the same names: what the limits make of it (`ca-limits.ts`). */
  exempt: boolean;
  renewal: boolean;
}

export interface CaCertificate {
  id: string;
  order: string;
  account: string;
  names: string[];
  pem: string;
  certId: string;
  sha256: string;
  notBefore: number;
  notAfter: number;
  /** Answers 404 until then, Unix ms. */
  hiddenUntil: number;
  /** Reads of it that give a chain for another key. */
  garbledReads: number;
  revoked: boolean;
}

export class CaRecords {
  readonly accounts = new Map<string, { url: string; key: string; thumbprint: string; status: 'valid' | 'deactivated' }>();
  readonly authorizations = new Map<string, CaAuthorization>();
  readonly orders = new Map<string, CaOrder>();
  readonly certificates = new Map<string, CaCertificate>();
  #ids = 0;

  id(kind: string): string {
    return `${kind}${(this.#ids += 1)}`;
  }

  statusOf(order: CaOrder, now: number): 'pending' | 'ready' | 'processing' | 'valid' | 'invalid' {
    if (order.error !== null) return 'invalid';
    if (order.issuedAt !== null) return order.issuedAt <= now ? 'valid' : 'processing';
    if (order.expires <= now) return 'invalid';
    const states = order.authorizations.map((id) => this.authorizations.get(id)?.status);
    if (states.some((status) => status === 'invalid' || status === 'deactivated')) return 'invalid';
    return states.every((status) => status === 'valid') ? 'ready' : 'pending';
  }
}
