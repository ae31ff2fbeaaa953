/** The CAs of the administration API. */
import { z } from 'zod';
import type { AuthorityStatus } from '../../functions/acme/authority-status.ts';
import { choices } from '../../functions/config/suggest.ts';
import { errorDataSchema } from '../../shared/errors.ts';
import { Api } from '../administration/api.ts';

const text = z.string().max(10_000);
const ms = z.number();

const statusSchema = z.object({
  accountUrl: text.nullable(),
  route: z.discriminatedUnion('kind', [z.object({ kind: z.literal('direct') }), z.object({ kind: z.literal('relay'), cluster: text })]),
  stopped: z.object({ code: text, message: text, hint: text.nullable(), since: ms, until: ms }).nullable(),
  breakers: z.array(z.object({ scope: text, class: z.enum(['limit', 'overload']), until: ms, detail: text })),
  limits: z
    .array(
      z.object({
        limit: z.enum(['newOrders', 'perDomain', 'perSet', 'failedValidations']),
        scope: text,
        capacity: z.number(),
        left: z.number(),
        fullAt: ms,
      }),
    )
    .nullable(),
  rolloverOpen: z.boolean(),
}) satisfies z.ZodType<AuthorityStatus>;

const listAnswer = z.object({
  authorities: z.array(z.object({ name: text, directory: text, status: statusSchema.nullable(), failure: errorDataSchema.nullable() })),
});
export type ListedAuthority = z.infer<typeof listAnswer>['authorities'][number];
export const rolledOverAnswer = z.object({ authority: text, accountUrl: text, request: text });

export class AuthorityApi extends Api {
  async list(): Promise<ListedAuthority[]> {
    return (await this.get('/api/v1/authorities', listAnswer)).authorities;
  }

  /** Throws an Error that names those there are. */
  async authority(name: string): Promise<ListedAuthority> {
    const listed = await this.list();
    const found = listed.find((authority) => authority.name === name);
    if (found !== undefined) return found;
    throw new Error(
      `No CA ${JSON.stringify(name.slice(0, 63))} is configured. ${choices(
        name,
        listed.map((authority) => authority.name),
        'CA',
      )}`,
    );
  }
}
