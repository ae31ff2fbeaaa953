/** What the administrative routes share: who may call them, and how their bodies are read. */
import type { z } from 'zod';
import type { RequestContext } from './context.ts';
import { decodeObject, permissionDenied, Refusal } from './wire.ts';

/** @throws {Refusal} 403 unless the caller's token is a management token. */
export function requireManagement(context: RequestContext): void {
  if (!context.acl().isManagement) throw permissionDenied();
}

/** Decodes the body as `schema` says. @throws {Refusal} 400. */
export function parseBody<T>(schema: z.ZodType<T>, context: RequestContext): T {
  const parsed = schema.safeParse(decodeObject(context.body, 'structs.Request'));
  if (!parsed.success) throw new Refusal(400, `json: ${parsed.error.issues[0]?.message ?? 'invalid body'}`);
  return parsed.data;
}
