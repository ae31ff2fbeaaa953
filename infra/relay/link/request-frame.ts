/** A request frame on its way into the application, and the refusals of frames that do not get so far. Pure. */
import { z } from 'zod';
import { PerennialError } from '../../../shared/errors.ts';
import { requestFrame } from '../../../shared/link/frames.ts';
import type { RequestFrame } from '../../../shared/link/frames.ts';
import { MAX_BODY_BYTES } from '../../../shared/relay/contract.ts';
import { tooLarge } from '../admission.ts';
import { REQUEST_HEADER } from '../app.ts';

/** Only path and query of a frame's URL mean anything. */
const BASE = 'http://relay';

/** The frame as a Request; null when it cannot be one, or the URL parser would make another path of it than was signed. */
export function requestOf({ token, method, path, contentType, body }: RequestFrame): Request | null {
  try {
    const url = new URL(path, BASE);
    if (`${url.pathname}${url.search}` !== path || url.origin !== BASE) return null;
    const headers = { [REQUEST_HEADER]: token, 'content-type': contentType, 'content-length': String(Buffer.byteLength(body)) };
    return new Request(url, { method, headers, ...(method === 'GET' ? {} : { body }) });
  } catch {
    // No URL, or a token or content type that cannot stand in a header.
    return null;
  }
}

export function malformedFrame(why: string): PerennialError {
  return new PerennialError('request_malformed', `The request frame was refused: ${why}.`);
}

export function stopping(): PerennialError {
  return new PerennialError('relay_stopping', 'The relay is stopping; nothing was done.', { retryable: true });
}

/** What is wrong with a frame that names itself but has not the frame's shape; null when it does not even name itself. */
export function refusalOfFrame(data: unknown): { id: string; token: string; error: PerennialError } | null {
  const named = requestFrame.pick({ type: true, id: true, token: true }).safeParse(data);
  if (!named.success) return null;
  const large = z.object({ body: z.string().min(MAX_BODY_BYTES + 1) }).safeParse(data).success;
  return { id: named.data.id, token: named.data.token, error: large ? tooLarge() : malformedFrame("it has another shape than the contract's") };
}
