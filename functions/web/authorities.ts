/** `/api/v1/authorities`: the CAs, what is left of their limits, and a new key for our account there. */
import type { Context } from 'hono';
import { z } from 'zod';
import { PerennialError } from '../../shared/errors.ts';
import { parseJsonBody, readText } from './body.ts';
import { refuseWhileInvalid } from './api.ts';
import type { WebDependencies } from './dependencies.ts';

const MAX_BODY_BYTES = 1_024;
const bodySchema = z.strictObject({
  /** Names this rollover, so that a repeat after a lost answer does not make another key. */
  request: z
    .string()
    .regex(/^[a-z0-9-]{1,64}$/)
    .optional(),
});

export function authorities(deps: WebDependencies) {
  return {
    list: async (context: Context) => context.json({ authorities: await deps.authorities() }),

    /** @throws PerennialError `authority_unknown`, `acme_*`. */
    rollOver: async (context: Context): Promise<{ authority: string; accountUrl: string; request: string }> => {
      const name = context.req.param('name') ?? '';
      const text = await readText(context.req.raw, MAX_BODY_BYTES);
      const json = context.req.header('content-type')?.startsWith('application/json') === true && text !== '';
      const { request = crypto.randomUUID() } = parseJsonBody(json ? text : '{}', bodySchema, '{"request":"rollover-2026-11"}');
      refuseWhileInvalid(deps);
      const { compiled } = deps;
      if (compiled.valid && !compiled.configuration.authorities.some((authority) => authority.name === name))
        throw new PerennialError('authority_unknown', 'No CA of that name is configured.', { hint: 'GET /api/v1/authorities lists them.' });
      const { accountUrl } = await deps.rollOver(name, request);
      return { authority: name, accountUrl, request };
    },
  };
}
