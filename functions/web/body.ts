/** Request bodies with a limit, read before anything is believed. */
import type { z } from 'zod';
import { PerennialError } from '../../shared/errors.ts';

/** UTF-8 text of at most `limit` bytes. Throws `body_too_large` or `body_not_text`. */
export async function readText(request: Request, limit: number): Promise<string> {
  const tooLarge = () => new PerennialError('body_too_large', `The body is larger than ${limit} bytes.`);
  if (Number(request.headers.get('content-length') ?? 0) > limit) throw tooLarge();
  const chunks: Uint8Array[] = [];
  let size = 0;
  const reader = request.body?.getReader();
  for (let part = await reader?.read(); part !== undefined && !part.done; part = await reader?.read()) {
    size += part.value.byteLength;
    if (size > limit) {
      await reader?.cancel();
      throw tooLarge();
    }
    chunks.push(part.value);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(await new Blob(chunks.map((chunk) => new Uint8Array(chunk))).arrayBuffer());
  } catch {
    throw new PerennialError('body_not_text', 'The body is not UTF-8 text.');
  }
}

/** Throws `body_invalid` with what is wrong, without repeating what was sent. */
export function parseJsonBody<S extends z.ZodType>(text: string, schema: S, example: string): z.infer<S> {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    throw new PerennialError('body_invalid', 'The body is not JSON.', { hint: `Send for example: ${example}` });
  }
  const parsed = schema.safeParse(data);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const place = issue === undefined || issue.path.length === 0 ? '' : ` at ${issue.path.map(String).join('.')}`;
  throw new PerennialError('body_invalid', `The body does not fit${place}: ${issue?.message ?? 'unknown shape'}`.slice(0, 500), {
    hint: `Send for example: ${example}`,
  });
}
