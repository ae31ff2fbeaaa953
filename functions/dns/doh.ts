/** One question to a public resolver over HTTPS in wire format (RFC 8484), with a deadline and a size limit. */
import { Buffer } from 'node:buffer';
import { CHECKING_DISABLED, decode, encode, RECURSION_DESIRED, TRUNCATED_RESPONSE, type Answer } from 'dns-packet';
import { SECOND } from '../../shared/clock.ts';
import { boundedFetch } from './bounded-fetch.ts';
import { DnsError } from './dns-error.ts';

const TIMEOUT_MS = 5 * SECOND;
/** Largest DNS message (RFC 1035 §4.2.2). */
const MAX_MESSAGE_BYTES = 65_535;
const MEDIA_TYPE = 'application/dns-message';
const NOERROR = 0;
/** RFC 1035 §4.1.1; from a resolver that validates also: the signatures do not fit (RFC 4035 §5.5). */
export const SERVFAIL = 2;
const NXDOMAIN = 3;

export interface Resolver {
  name: string;
  url: string;
}

export type QuestionType = 'TXT' | 'CNAME' | 'SOA' | 'NS' | 'CAA';

export interface DohAnswer {
  status: 'answer' | 'nodata' | 'nxdomain';
  /** TXT: strings joined; CNAME, NS: the target; CAA: `flags tag "value"`. Of this type, also at the end of an alias. */
  values: string[];
  /** The name at which the values stand: another than the one asked for when that is an alias. Null without values. */
  owner: string | null;
  /** Owner of the SOA in the answer or, with a denial, in the authority section: the apex of the zone (RFC 2308 §3). */
  apex: string | null;
}

export interface AskOptions {
  /** Sets CD: an answer is wanted although its signatures may not fit (RFC 4035 §3.2.2). */
  unchecked?: boolean;
}

export type AskResolver = (resolver: Resolver, name: string, type: QuestionType, options?: AskOptions) => Promise<DohAnswer>;

/**
 * @returns a function that throws DnsError `dns_resolver_failed` for anything but an answer or a denial; `details.rcode`
 * holds the resolver's response code if it gave one.
 */
export function createDohClient(options: { fetch: typeof fetch; onRequest?: (() => void) | undefined }): AskResolver {
  const request = boundedFetch({ ...options, maxBytes: MAX_MESSAGE_BYTES });
  return async (resolver, name, type, { unchecked = false } = {}) => {
    const flags = RECURSION_DESIRED | (unchecked ? CHECKING_DISABLED : 0);
    // Id 0 keeps the answer cacheable on the way (RFC 8484 §4.1).
    const query = encode({ type: 'query', id: 0, flags, questions: [{ type, name }] });
    const controller = new AbortController();
    const timer = setTimeout(() => controller.abort(), TIMEOUT_MS);
    try {
      const response = await request(resolver.url, {
        method: 'POST',
        headers: { accept: MEDIA_TYPE, 'content-type': MEDIA_TYPE },
        body: new Uint8Array(query),
        signal: controller.signal,
      });
      if (response.status !== 200) throw failed(resolver, `status ${response.status}`);
      return readAnswer(resolver, name, type, Buffer.from(await response.arrayBuffer()));
    } catch (thrown) {
      if (thrown instanceof DnsError) throw thrown;
      throw failed(resolver, controller.signal.aborted ? 'no answer in time' : 'the connection failed', { cause: thrown });
    } finally {
      clearTimeout(timer);
    }
  };
}

function readAnswer(resolver: Resolver, name: string, type: QuestionType, message: Buffer): DohAnswer {
  const packet = decode(message);
  const [question] = packet.questions ?? [];
  if (packet.type !== 'response' || question?.type !== type || canonical(question.name) !== name) throw failed(resolver, 'it answered something else');
  if (((packet.flags ?? 0) & TRUNCATED_RESPONSE) !== 0) throw failed(resolver, 'the answer is truncated');
  const rcode = (packet.flags ?? 0) & 0xf;
  if (rcode !== NOERROR && rcode !== NXDOMAIN) throw failed(resolver, `response code ${rcode}`, { rcode });
  const answers = packet.answers ?? [];
  const wanted = answers.filter((answer) => answer.type === type);
  const [first] = wanted;
  const soa = [...answers, ...(packet.authorities ?? [])].find((answer) => answer.type === 'SOA');
  return {
    status: rcode === NXDOMAIN ? 'nxdomain' : wanted.length === 0 ? 'nodata' : 'answer',
    values: wanted.map(valueOf),
    owner: first === undefined ? null : canonical(first.name),
    apex: soa === undefined ? null : canonical(soa.name),
  };
}

function valueOf(answer: Answer): string {
  switch (answer.type) {
    case 'TXT':
      return (Array.isArray(answer.data) ? answer.data : [answer.data]).map((text) => text.toString()).join('');
    case 'CNAME':
    case 'NS':
      return canonical(answer.data);
    case 'CAA':
      return `${answer.data.flags ?? 0} ${answer.data.tag} "${answer.data.value}"`;
    default:
      return '';
  }
}

/** Lower case without the final dot. */
export function canonical(name: string): string {
  return (name.endsWith('.') ? name.slice(0, -1) : name).toLowerCase();
}

function failed(resolver: Resolver, why: string, { rcode, cause }: { rcode?: number; cause?: unknown } = {}): DnsError {
  return new DnsError('dns_resolver_failed', `The resolver ${resolver.name} failed: ${why}.`, {
    retryable: true,
    ...(rcode === undefined ? {} : { details: { rcode } }),
    cause,
  });
}
