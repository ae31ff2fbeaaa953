/**
 * Recorded exchanges as a contract: the same requests in the same order must get answers of the same status, headers,
 * wording and shape. Indexes, times and ids differ from run to run, so an index learned from an answer stands in for
 * the recorded one in later requests, and values that vary are compared by their form.
 */
import { request as httpRequest } from 'node:http';
import { readFileSync } from 'node:fs';
import { z } from 'zod';

const exchangeSchema = z.object({
  name: z.string(),
  /** Role of the token; null sends none. Task API exchanges say how they were sent in `via` instead. */
  token: z.string().nullable().optional(),
  via: z.string().optional(),
  request: z.object({ method: z.string(), path: z.string(), body: z.unknown() }),
  response: z.object({ status: z.number(), headers: z.record(z.string(), z.string()), body: z.string() }),
});
const recordingSchema = z.object({ against: z.string(), exchanges: z.array(exchangeSchema).min(1) });

export type Exchange = z.infer<typeof exchangeSchema>;

export function loadExchanges(file: URL): Exchange[] {
  return recordingSchema.parse(JSON.parse(readFileSync(file, 'utf8'))).exchanges;
}

export interface Answer {
  status: number;
  headers: Record<string, string>;
  body: string;
}

/** Where a request goes: an origin, or a unix socket. */
export type Destination = { origin: string } | { socketPath: string };

export async function send(destination: Destination, method: string, path: string, token: string | undefined, body: string | undefined): Promise<Answer> {
  const where = 'origin' in destination ? originOf(destination.origin) : { socketPath: destination.socketPath };
  return await new Promise<Answer>((resolve, reject) => {
    const headers = {
      ...(token === undefined ? {} : { 'x-nomad-token': token }),
      ...(body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }),
    };
    const outgoing = httpRequest({ ...where, path, method, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const received = Object.entries(response.headers).map(([name, value]) => [name, String(value)] as const);
        resolve({ status: response.statusCode ?? 0, headers: Object.fromEntries(received), body: Buffer.concat(chunks).toString('utf8') });
      });
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

function originOf(origin: string): { host: string; port: string } {
  const { hostname, port } = new URL(origin);
  return { host: hostname, port };
}

/** Replaces what was recorded by what this run has: indexes, ids, and the long values that recordings shorten. */
export class Substitutions {
  readonly #indexes = new Map<string, string>();
  readonly #texts = new Map<string, string>();

  text(recorded: string, actual: string): void {
    this.#texts.set(recorded, actual);
  }

  learnIndexes(recorded: Answer, actual: Answer): void {
    const pattern = /"(?:ModifyIndex|CreateIndex)":(\d+)/g;
    const before = [...recorded.body.matchAll(pattern)].map((match) => match[1] ?? '');
    const now = [...actual.body.matchAll(pattern)].map((match) => match[1] ?? '');
    for (const [position, index] of before.entries()) this.#indexes.set(index, now[position] ?? index);
  }

  path(recorded: string): string {
    const [path = '', query = ''] = recorded.split('?', 2);
    const renumbered = query.replace(/cas=(\d+)/, (_whole, index: string) => `cas=${this.#indexes.get(index) ?? index}`);
    return this.apply(query === '' ? path : `${path}?${renumbered}`);
  }

  body(recorded: unknown): string | undefined {
    if (recorded === null || recorded === undefined) return undefined;
    const text = typeof recorded === 'string' ? recorded : JSON.stringify(recorded);
    return this.apply(text).replaceAll(/<(\d+) bytes>/g, (_whole, size: string) => 'x'.repeat(Number(size)));
  }

  apply(text: string): string {
    let result = text;
    for (const [recorded, actual] of this.#texts) result = result.replaceAll(recorded, actual);
    return result;
  }
}

/** How an answer departs from the recorded one; empty when it does not. */
export function departures(recorded: Answer, actual: Answer, substitutions: Substitutions): string[] {
  const found: string[] = [];
  if (actual.status !== recorded.status) found.push(`status ${actual.status}, recorded ${recorded.status}`);
  found.push(...headerDepartures(lowerCased(recorded.headers), actual.headers));
  const expected = substitutions.apply(recorded.body);
  const shortened = /^([\s\S]*)…\(\d+ bytes\)$/.exec(expected)?.[1];
  if (shortened !== undefined) {
    const untilItems = shortened.slice(0, shortened.indexOf('"Items":'));
    if (!withoutNumbers(actual.body).startsWith(withoutNumbers(untilItems))) found.push(`body ${actual.body.slice(0, 120)}`);
    return found;
  }
  const expectedJson = parseJson(expected);
  if (expectedJson === undefined || typeof expectedJson === 'string') {
    if (actual.body !== expected && !(expectedJson !== undefined && typeof parseJson(actual.body) === 'string'))
      found.push(`body ${JSON.stringify(actual.body)}, recorded ${JSON.stringify(expected)}`);
    return found;
  }
  found.push(...shapeDepartures(expectedJson, parseJson(actual.body), 'body'));
  // 19 digits: a nanosecond time that went through a double would end in zeros or in an exponent.
  const times = [...actual.body.matchAll(/"(?:Create|Modify)Time":([^,}"]+)/g)].map((match) => match[1] ?? '');
  for (const time of times) if (!/^(?:0|\d{19})$/.test(time)) found.push(`time ${time} is no full int64`);
  return found;
}

function headerDepartures(recorded: Record<string, string>, actual: Record<string, string>): string[] {
  const found: string[] = [];
  for (const [name, value] of Object.entries(recorded)) {
    const now = actual[name];
    if (name === 'x-nomad-index' ? !sameKindOfNumber(value, now) : now !== value) found.push(`header ${name}: ${now ?? 'absent'}, recorded ${value}`);
  }
  for (const name of ['x-nomad-index', 'x-nomad-knownleader', 'x-nomad-lastcontact', 'content-type']) {
    if (recorded[name] === undefined && actual[name] !== undefined) found.push(`header ${name}: ${actual[name]}, recorded none`);
  }
  return found;
}

function sameKindOfNumber(recorded: string, actual: string | undefined): boolean {
  return actual !== undefined && /^\d+$/.test(actual) && (recorded === '0') === (actual === '0');
}

/** Members whose values differ from run to run, or (events) whose number does. */
const VARYING = /(?:ID|Hash|Secret|Time|Timestamp|StartedAt|NodeName|Index|Port|Message|Type|AccessorID)$/;
const VARYING_LENGTH = /Events$/;

function shapeDepartures(recorded: unknown, actual: unknown, place: string): string[] {
  if (kindOf(recorded) !== kindOf(actual)) return [`${place} is ${kindOf(actual)}, recorded ${kindOf(recorded)}`];
  if (Array.isArray(recorded) && Array.isArray(actual)) {
    if (VARYING_LENGTH.test(place)) return shapeDepartures(recorded[0], actual[0], `${place}[0]`);
    if (recorded.length !== actual.length) return [`${place} has ${actual.length} elements, recorded ${recorded.length}`];
    return recorded.flatMap((element, position) => shapeDepartures(element, actual[position], `${place}[${position}]`));
  }
  const recordedMembers = membersOf(recorded);
  const actualMembers = membersOf(actual);
  if (recordedMembers !== undefined && actualMembers !== undefined) {
    const names = new Set([...recordedMembers.keys(), ...actualMembers.keys()]);
    return [...names].flatMap((name) => {
      if (!actualMembers.has(name)) return [`${place}.${name} is missing`];
      if (!recordedMembers.has(name)) return [`${place}.${name} is not in the recording`];
      return shapeDepartures(recordedMembers.get(name), actualMembers.get(name), `${place}.${name}`);
    });
  }
  if (VARYING.test(place))
    return typeof recorded === 'number' && (recorded === 0) !== (actual === 0) ? [`${place} is ${String(actual)}, recorded ${recorded}`] : [];
  return recorded === actual ? [] : [`${place} is ${JSON.stringify(actual)}, recorded ${JSON.stringify(recorded)}`];
}

function membersOf(value: unknown): Map<string, unknown> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? new Map<string, unknown>(Object.entries(value)) : undefined;
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'list' : typeof value;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function lowerCased(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

function withoutNumbers(text: string): string {
  return text.replaceAll(/\d+/g, '#');
}
