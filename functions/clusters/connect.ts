/** `GET /relay/connect?cluster=<name>`: hands a relay's WebSocket to the object of its cluster. */
import { certificateNameSchema } from '../../shared/relay/contract.ts';
import { compiled } from '../config/compiled.ts';
import type { Environment } from '../environment.ts';
import { toPerennialError } from '../../shared/errors.ts';

/**
 * Refuses what no object has to see: names that are no cluster of this configuration (404), and everything while the edge
 * has no key of its own (503). Who the caller is, its signature says later.
 */
export async function connectRelay(request: Request, environment: Pick<Environment, 'CLUSTERS'>, edgeKey: () => unknown): Promise<Response> {
  const cluster = new URL(request.url).searchParams.get('cluster') ?? '';
  const wellFormed = certificateNameSchema.safeParse(cluster).success;
  // An invalid configuration lists no clusters; the object then knows whom it trusted last.
  const listed = !compiled.valid || compiled.configuration.clusters.some((candidate) => candidate.name === cluster);
  if (!wellFormed || !listed)
    return refusal(
      404,
      'cluster_unknown',
      'No cluster of that name is configured.',
      'Compare `cluster` in the relay job file with `[clusters.<name>]` in certificates.toml.',
    );
  try {
    edgeKey();
  } catch (thrown) {
    const error = toPerennialError(thrown);
    return refusal(503, error.code, error.message, error.hint ?? null);
  }
  return environment.CLUSTERS.getByName(cluster).fetch(request);
}

function refusal(status: number, code: string, message: string, hint: string | null): Response {
  return Response.json(
    { error: { code, message, retryable: status === 503, ...(hint === null ? {} : { hint }) } },
    { status, headers: { 'cache-control': 'no-store' } },
  );
}
