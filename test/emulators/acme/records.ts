/** What the CA remembers (RFC 8555 §7.1), and the statuses that follow from it rather than being stored. */
import { randomBytes } from 'node:crypto';
import type * as x509 from '@peculiar/x509';
import type { PublicJwk } from './jws.ts';
import type { ProblemDocument } from './problem.ts';

export interface Account {
  id: string;
  key: PublicJwk;
  thumbprint: string;
  status: 'valid' | 'deactivated';
  contact: readonly string[];
  /** Key identifier of the external account it is bound to. */
  externalAccount: string | undefined;
}

export interface Challenge {
  id: string;
  authorizationId: string;
  type: 'dns-01' | 'http-01';
  token: string;
  status: 'pending' | 'processing' | 'valid' | 'invalid';
  error: ProblemDocument | undefined;
  validated: number | undefined;
}

export interface Authorization {
  id: string;
  accountId: string;
  /** Without `*.`. */
  name: string;
  wildcard: boolean;
  status: 'pending' | 'valid' | 'invalid' | 'deactivated';
  /** Unix milliseconds. */
  expires: number;
  challenges: readonly Challenge[];
}

export interface Order {
  id: string;
  accountId: string;
  /** As ordered, lower case, wildcards with `*.`. */
  names: readonly string[];
  authorizations: readonly Authorization[];
  profile: string | undefined;
  replaces: string | undefined;
  expires: number;
  /** Set by finalize. */
  finalizing: boolean;
  certificateId: string | undefined;
  error: ProblemDocument | undefined;
}

export interface IssuedCertificate {
  id: string;
  accountId: string;
  orderId: string;
  names: readonly string[];
  /** RFC 9773 §4.1. */
  identifier: string;
  leaf: x509.X509Certificate;
  notBefore: number;
  notAfter: number;
  revoked: { at: number; reason: number } | undefined;
}

export type OrderStatus = 'pending' | 'ready' | 'processing' | 'valid' | 'invalid';

export function authorizationStatus(authorization: Authorization, now: number): Authorization['status'] | 'expired' {
  const live = authorization.status === 'pending' || authorization.status === 'valid';
  return live && authorization.expires <= now ? 'expired' : authorization.status;
}

/** §7.1.6: an order is as good as its authorizations until it is finalized. */
export function orderStatus(order: Order, now: number): OrderStatus {
  if (order.certificateId !== undefined) return 'valid';
  if (order.error !== undefined) return 'invalid';
  if (order.finalizing) return 'processing';
  const statuses = order.authorizations.map((authorization) => authorizationStatus(authorization, now));
  if (order.expires <= now || statuses.some((status) => status !== 'pending' && status !== 'valid')) return 'invalid';
  return statuses.every((status) => status === 'valid') ? 'ready' : 'pending';
}

export class Records {
  readonly accounts = new Map<string, Account>();
  readonly orders = new Map<string, Order>();
  readonly authorizations = new Map<string, Authorization>();
  readonly challenges = new Map<string, Challenge>();
  readonly certificates = new Map<string, IssuedCertificate>();

  accountByThumbprint(thumbprint: string): Account | undefined {
    return [...this.accounts.values()].find((account) => account.thumbprint === thumbprint);
  }

  certificateByIdentifier(identifier: string): IssuedCertificate | undefined {
    return [...this.certificates.values()].find((certificate) => certificate.identifier === identifier);
  }
}

export function newId(): string {
  return randomBytes(9).toString('base64url');
}
