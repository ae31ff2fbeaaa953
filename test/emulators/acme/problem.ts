/** Problem documents (RFC 8555 §6.7, RFC 7807) as the CA's only kind of refusal. */

/** Types of the ACME error namespace that this CA uses; RFC 9773 adds `alreadyReplaced`, the profiles draft `invalidProfile`. */
export type ProblemType =
  | 'accountDoesNotExist'
  | 'agreementRequired'
  | 'alreadyReplaced'
  | 'alreadyRevoked'
  | 'badCSR'
  | 'badNonce'
  | 'badPublicKey'
  | 'badRevocationReason'
  | 'badSignatureAlgorithm'
  | 'conflict'
  | 'dns'
  | 'externalAccountRequired'
  | 'incorrectResponse'
  | 'invalidContact'
  | 'invalidProfile'
  | 'malformed'
  | 'orderNotReady'
  | 'rejectedIdentifier'
  | 'serverInternal'
  | 'unauthorized'
  | 'unsupportedContact'
  | 'unsupportedIdentifier';

export interface ProblemDocument {
  type: string;
  detail: string;
  status: number;
  [extension: string]: unknown;
}

export class AcmeProblem extends Error {
  override readonly name = 'AcmeProblem';
  readonly status: number;
  readonly document: ProblemDocument;
  readonly headers: Record<string, string>;

  constructor(type: ProblemType, status: number, detail: string, extra: { members?: Record<string, unknown>; headers?: Record<string, string> } = {}) {
    super(detail);
    this.status = status;
    this.document = { type: `urn:ietf:params:acme:error:${type}`, detail, status, ...extra.members };
    this.headers = extra.headers ?? {};
  }

  toResponse(): Response {
    return new Response(JSON.stringify(this.document), { status: this.status, headers: { ...this.headers, 'content-type': 'application/problem+json' } });
  }
}

export function malformed(detail: string, status = 400): AcmeProblem {
  return new AcmeProblem('malformed', status, detail);
}
