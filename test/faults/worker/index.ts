/**
 * The Worker as it is, and one route more: it renews certificates at once, which a person may ask for once a minute only.
 * Only the fault harness builds it.
 */
import { z } from 'zod';
import type { Environment } from '../../../functions/environment.ts';
import worker from '../../../functions/index.ts';
import { unwrap } from '../../../shared/errors.ts';

export * from '../../../functions/objects.ts';

const renewSchema = z.strictObject({ certificates: z.array(z.string()).min(1).max(100) });

export default {
  ...worker,
  async fetch(request, environment, context) {
    if (new URL(request.url).pathname !== '/faults/renew') return worker.fetch(request, environment, context);
    const { certificates } = renewSchema.parse(await request.json());
    await Promise.all(certificates.map(async (name) => unwrap(await environment.CERTIFICATES.getByName(name).wake('force'))));
    return new Response(null, { status: 204 });
  },
} satisfies ExportedHandler<Environment>;
