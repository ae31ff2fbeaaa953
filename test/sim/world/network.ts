/** `fetch` of the Worker: the CAs are all there is. No reply means that the caller's own deadline ends the wait. */
import { type Mortal, NoReply } from '../outside.ts';
import type { World } from './world.ts';

export async function exchange(world: World, who: Mortal, url: string, init: RequestInit): Promise<Response> {
  const { origin, pathname } = new URL(url);
  const ca = world.authorities.find((each) => each.origin === origin);
  if (ca === undefined) throw new TypeError(`No host at ${origin}.`);
  const body = typeof init.body === 'string' ? init.body : null;
  if (body !== null && /PRIVATE KEY|MIGHAgEAMBMGByqGSM49/.test(body)) world.laws.violation('key at the edge', `${who.label} sent a private key to ${url}.`);
  const request = { method: init.method ?? 'GET', url, body };
  const label = `${ca.settings.name} ${request.method} ${pathname}`;
  return new Promise((resolve, reject) => {
    init.signal?.addEventListener('abort', () => reject(new DOMException('The operation was aborted.', 'AbortError')));
    world.outside
      .call(
        who,
        'ca',
        label,
        () => ca.answer(request, who),
        () => world.laws.leaves(request.method, pathname, who),
      )
      .then(
        (reply) => {
          world.trace.add(`${label}: ${reply.status}${reply.status >= 400 ? ` ${reply.body.slice(0, 160)}` : ''}`);
          resolve(new Response(reply.body, { status: reply.status, headers: reply.headers }));
        },
        (thrown: unknown) => {
          if (!(thrown instanceof NoReply)) reject(thrown);
          // Else nothing comes, until the signal aborts.
        },
      );
  });
}
