/** Replies that are none: pages of a load balancer, bodies that do not end, too much, another type, another place. */
import { altered, instead, withBody, withMembers, type Misbehaviour } from './misbehaviour.ts';

const HTML = { 'content-type': 'text/html' };
/** Larger than any reply that is read, and far slower than anybody waits for. */
const OVERSIZED_BYTES = 300_000;
const TRICKLE_MS = 1_000;

export const HTML_503: Misbehaviour = instead(
  'is busy and says so in HTML',
  'newOrder',
  () => new Response('<html><h1>503 Service busy</h1></html>', { status: 503, headers: { ...HTML, 'retry-after': '2' } }),
);

export const TEXT_525: Misbehaviour = instead(
  'cannot be reached by the edge, which answers in its place',
  'newOrder',
  () => new Response('error code: 525', { status: 525, headers: { 'content-type': 'text/plain' } }),
);

export const SLOW_BODY: Misbehaviour = altered(
  'answers so slowly that the body never ends',
  ['order'],
  async (reply) => {
    const text = await reply.text();
    let sent = 0;
    const trickle = new ReadableStream<Uint8Array>({
      pull: async (controller) => {
        await new Promise((resolve) => setTimeout(resolve, TRICKLE_MS));
        controller.enqueue(new TextEncoder().encode(text.charAt(sent)));
        sent += 1;
      },
    });
    return withBody(reply, trickle);
  },
  { times: 1 },
);

export const TRUNCATED_BODY: Misbehaviour = altered(
  'breaks off in the middle of its JSON',
  ['order'],
  async (reply) => withBody(reply, (await reply.text()).slice(0, 40)),
  { times: 2 },
);

export const OVERSIZED_BODY: Misbehaviour = altered(
  'sends far too much',
  ['order'],
  (reply) => withMembers(reply, (members) => ({ ...members, padding: 'x'.repeat(OVERSIZED_BYTES) })),
  { times: 2 },
);

export const WRONG_CONTENT_TYPE: Misbehaviour = altered('sends the order as HTML', ['order'], async (reply) => withBody(reply, await reply.text(), HTML), {
  times: 2,
});

export const REDIRECT: Misbehaviour = instead(
  'redirects to somebody else',
  'order',
  () => new Response(null, { status: 302, headers: { location: 'https://elsewhere.example/' } }),
  { times: 2 },
);

export const FOREIGN_URLS: Misbehaviour = altered(
  'names a URL to finalize at that is not its own',
  ['order'],
  (reply) => withMembers(reply, (members) => ({ ...members, finalize: 'https://elsewhere.example/finalize' })),
  { times: 2 },
);
