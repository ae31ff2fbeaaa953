/** Reads the parts of an admitted request by the schemas of the contract. Each throws `request_malformed`. */
import type { z } from 'zod';
import { PerennialError } from '../../shared/errors.ts';
import { certificateNameSchema } from '../../shared/relay/contract.ts';
import type { Admission } from './admission.ts';
import type { RelayContext } from './app.ts';

export function body<S extends z.ZodType>(c: RelayContext, schema: S): z.infer<S> {
  if (!/^application\/json(;|$)/i.test(c.req.header('content-type') ?? '')) throw malformed('a JSON body is expected');
  let data: unknown;
  try {
    data = JSON.parse(c.get('body'));
  } catch {
    throw malformed('the body is not JSON');
  }
  return shaped(data, schema);
}

export function parameter<S extends z.ZodType>(c: RelayContext, name: string, schema: S): z.infer<S> {
  return shaped(c.req.param(name), schema);
}

/** The certificate of the path, which the request's line of the log names as well. */
export function certificateOf(c: RelayContext): string {
  const certificate = parameter(c, 'name', certificateNameSchema);
  c.set('certificate', certificate);
  return certificate;
}

/** Issues are shown by place and expectation; the values stay out, since they may be secret. */
export function shaped<S extends z.ZodType>(data: unknown, schema: S): z.infer<S> {
  const parsed = schema.safeParse(data);
  if (parsed.success) return parsed.data;
  throw malformed(
    parsed.error.issues
      .slice(0, 5)
      .map(({ path, code }) => `${path.join('.') || 'the body'} (${code})`)
      .join(', '),
  );
}

export function admissionOf(c: RelayContext): Admission {
  return c.get('admission');
}

function malformed(why: string): PerennialError {
  return new PerennialError('request_malformed', `The request has not the shape of the contract: ${why}.`);
}
