/** The error half of Cloudflare's envelope: `{"result":null,"success":false,"errors":[…],"messages":[]}`. */
import type { ContentfulStatusCode } from 'hono/utils/http-status';

export interface ApiError {
  code: number;
  message: string;
  error_chain?: { code: number; message: string }[];
}

export class ApiFailure extends Error {
  override readonly name = 'ApiFailure';
  readonly status: ContentfulStatusCode;
  readonly errors: readonly ApiError[];
  readonly headers: Record<string, string>;

  constructor(status: ContentfulStatusCode, errors: readonly ApiError[], headers: Record<string, string> = {}) {
    super(errors.map(({ code, message }) => `${code} ${message}`).join('; '));
    this.status = status;
    this.errors = errors;
    this.headers = headers;
  }

  toBody(): Record<string, unknown> {
    return { result: null, success: false, errors: this.errors, messages: [] };
  }
}

/** A record that breaks a rule of its type (codes 9000–9399). Wrapped into 1004 where the old form is emulated. */
export class RecordRejected extends Error {
  override readonly name = 'RecordRejected';
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }

  toFailure(form: 'plain' | 'chained'): ApiFailure {
    const cause = { code: this.code, message: this.message };
    return new ApiFailure(400, [form === 'plain' ? cause : { code: 1004, message: 'DNS Validation Error', error_chain: [cause] }]);
  }
}

export function noRoute(path: string): ApiFailure {
  return new ApiFailure(404, [{ code: 7003, message: `Could not route to ${path}, perhaps your object identifier is invalid?` }]);
}

export const RECORD_MISSING = new ApiFailure(404, [{ code: 81044, message: 'Record does not exist.' }]);
export const BODY_INVALID = new ApiFailure(400, [{ code: 9207, message: 'Request body is invalid.' }]);
