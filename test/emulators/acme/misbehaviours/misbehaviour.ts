/** A way in which a CA may misbehave, by name, for requests about one certificate or for all. */
import { z } from 'zod';
import type { AcmeEmulator } from '../acme.ts';
import type { FaultRequest } from '../faults.ts';
import type { RouteName } from '../paths.ts';

export interface Misbehaviour {
  /** As a sentence about the CA goes on: `The CA ...`. */
  name: string;
  /**
   * Misbehaves from now on, until the returned function is called.
   * @param name only for requests about this DNS name; for all when absent.
   */
  begin(ca: AcmeEmulator, name?: string): () => void;
}

const jwsSchema = z.object({ payload: z.string() });
const orderSchema = z.object({ identifiers: z.array(z.object({ value: z.string() })) });

/** The names that a request is about: those of its order, its authorization or its certificate. */
export async function namesOf({ records }: AcmeEmulator, { route, request }: FaultRequest): Promise<readonly string[]> {
  const segments = new URL(request.url).pathname.split('/');
  const id = segments[2] ?? '';
  switch (route) {
    case 'newOrder': {
      const parsed = orderSchema.safeParse(JSON.parse((await payloadOf(request)) || 'null'));
      return parsed.success ? parsed.data.identifiers.map(({ value }) => value) : [];
    }
    case 'order':
    case 'finalize':
      return records.orders.get(id)?.names ?? [];
    case 'authorization':
      return [records.authorizations.get(id)?.name ?? ''];
    case 'challenge':
      return [records.authorizations.get(records.challenges.get(id)?.authorizationId ?? '')?.name ?? ''];
    case 'certificate':
      return records.certificates.get(id)?.names ?? [];
    case 'renewalInfo':
      return records.certificateByIdentifier(id)?.names ?? [];
    default:
      return [];
  }
}

/** The payload of a signed request as text; empty for POST-as-GET. */
export async function payloadOf(request: Request): Promise<string> {
  return Buffer.from(jwsSchema.parse(await request.clone().json()).payload, 'base64url').toString('utf8');
}

export interface Times {
  /** How often; for ever when absent. */
  times?: number;
}

/** Answers requests to a route in the CA's place. */
export function instead(
  name: string,
  route: RouteName,
  answer: (fault: FaultRequest, ca: AcmeEmulator) => Response | undefined | Promise<Response | undefined>,
  { times = Infinity }: Times = {},
): Misbehaviour {
  return {
    name,
    begin: (ca, about) => {
      let left = times;
      return ca.faults.before(async (fault) => {
        if (fault.route !== route || left <= 0 || !(await isAbout(ca, fault, about))) return undefined;
        const response = await answer(fault, ca);
        if (response !== undefined) left -= 1;
        return response;
      });
    },
  };
}

/** Changes the CA's own replies to some routes; `undefined` leaves one as it is. */
export function altered(
  name: string,
  routes: readonly RouteName[],
  alter: (reply: Response, fault: FaultRequest, ca: AcmeEmulator) => Response | 'lost' | undefined | Promise<Response | 'lost' | undefined>,
  { times = Infinity }: Times = {},
): Misbehaviour {
  return {
    name,
    begin: (ca, about) => {
      let left = times;
      return ca.faults.after(async (fault, reply) => {
        if (fault.route === undefined || !routes.includes(fault.route) || left <= 0 || !(await isAbout(ca, fault, about))) return undefined;
        const response = await alter(reply, fault, ca);
        if (response !== undefined) left -= 1;
        return response;
      });
    },
  };
}

async function isAbout(ca: AcmeEmulator, fault: FaultRequest, name: string | undefined): Promise<boolean> {
  return name === undefined || (await namesOf(ca, fault)).includes(name);
}

export function problem(status: number, type: string, detail: string, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify({ type: `urn:ietf:params:acme:error:${type}`, detail, status }), {
    status,
    headers: { 'content-type': 'application/problem+json', ...headers },
  });
}

/** The reply with another body; nonce, location and links stay. */
export function withBody(reply: Response, body: BodyInit, headers: Record<string, string> = {}): Response {
  const merged = new Headers(reply.headers);
  merged.delete('content-length');
  for (const [key, value] of Object.entries(headers)) merged.set(key, value);
  return new Response(body, { status: reply.status, headers: merged });
}

const objectSchema = z.record(z.string(), z.unknown());

/** The reply with other members in its JSON object. */
export async function withMembers(reply: Response, change: (members: Record<string, unknown>) => Record<string, unknown>): Promise<Response> {
  return withBody(reply, JSON.stringify(change(objectSchema.parse(await reply.json()))));
}
