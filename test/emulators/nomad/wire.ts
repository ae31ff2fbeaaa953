/**
 * What goes over the wire as Nomad writes it: JSON with int64 values as full integers, plain-text refusals, and bodies
 * decoded into Go structs with Go's complaints about members of another type.
 */

import { decodeFirstValue } from './go-json.ts';

/** JSON that may hold int64 values: a bigint is written as all of its digits, as Go does and `JSON.stringify` cannot. */
export type WireValue = null | boolean | number | bigint | string | readonly WireValue[] | { readonly [key: string]: WireValue };

export function encodeWire(value: WireValue): string {
  if (typeof value === 'bigint') return value.toString();
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (isList(value)) return `[${value.map(encodeWire).join(',')}]`;
  return `{${Object.entries(value)
    .map(([key, member]) => `${JSON.stringify(key)}:${encodeWire(member)}`)
    .join(',')}}`;
}

function isList(value: readonly WireValue[] | { readonly [key: string]: WireValue }): value is readonly WireValue[] {
  return Array.isArray(value);
}

/** One HTTP answer. `headers` are written as given; an empty `body` has no Content-Type. */
export interface Reply {
  status: number;
  headers: Record<string, string>;
  body: string;
}

export const PLAIN_TEXT = 'text/plain; charset=utf-8';

/** A refusal in Nomad's way: the message as plain text. Thrown by every layer, written by the listener. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly status: number;
  readonly headers: Record<string, string>;

  constructor(status: number, message: string, headers: Record<string, string> = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
  }

  toReply(): Reply {
    return { status: this.status, headers: { ...this.headers, 'Content-Type': PLAIN_TEXT }, body: this.message };
  }
}

export function permissionDenied(headers: Record<string, string> = {}): Refusal {
  return new Refusal(403, 'Permission denied', headers);
}

export function json(value: WireValue, headers: Record<string, string> = {}, status = 200): Reply {
  return { status, headers: { ...headers, 'Content-Type': 'application/json' }, body: encodeWire(value) };
}

/**
 * Decodes a JSON object body.
 * @throws {Refusal} 400 in Go's wording when it is empty or not JSON.
 */
export function decodeObject(body: string, goType: string): Record<string, unknown> {
  if (body === '') throw new Refusal(400, 'Request body is empty');
  const parsed = decodeOrRefuse(body);
  // Decoding null leaves the struct as it was: empty.
  if (parsed === null) return {};
  if (typeof parsed !== 'object' || Array.isArray(parsed)) {
    throw new Refusal(400, `json: cannot unmarshal ${goKind(parsed)} into Go value of type ${goType}`);
  }
  return { ...parsed };
}

/** Go matches member names without regard to case; the last one wins. */
export function member(object: Record<string, unknown>, name: string): unknown {
  let found: unknown;
  for (const [key, value] of Object.entries(object)) if (key.toLowerCase() === name.toLowerCase()) found = value;
  return found;
}

/** A string member, `''` when absent or null. @throws {Refusal} 400 when it is something else. */
export function stringMember(object: Record<string, unknown>, name: string, goStruct: string): string {
  const value = member(object, name);
  if (value === undefined || value === null) return '';
  if (typeof value !== 'string') {
    throw new Refusal(400, `json: cannot unmarshal ${goKind(value)} into Go struct field ${goStruct}.${name} of type string`);
  }
  return value;
}

/** A `map[string]string` member, `{}` when absent or null. @throws {Refusal} 400 when a value is no string. */
export function stringMapMember(object: Record<string, unknown>, name: string, goStruct: string): Record<string, string> {
  const value = member(object, name);
  if (value === undefined || value === null) return {};
  if (typeof value !== 'object' || Array.isArray(value)) {
    throw new Refusal(400, `json: cannot unmarshal ${goKind(value)} into Go struct field ${goStruct}.${name} of type structs.VariableItems`);
  }
  const map: Record<string, string> = {};
  for (const [key, item] of Object.entries(value)) {
    if (item !== null && typeof item !== 'string') {
      throw new Refusal(400, `json: cannot unmarshal ${goKind(item)} into Go struct field ${goStruct}.${name} of type string`);
    }
    map[key] = item ?? '';
  }
  return map;
}

function goKind(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'object') return 'object';
  return typeof value === 'number' ? 'number' : 'string';
}

function decodeOrRefuse(body: string): unknown {
  try {
    return decodeFirstValue(body);
  } catch (thrown) {
    throw new Refusal(400, thrown instanceof Error ? thrown.message : 'invalid body');
  }
}
