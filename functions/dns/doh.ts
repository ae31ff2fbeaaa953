/** One question to a public resolver over HTTPS in wire format (RFC 8484), with a deadline and a size limit. */
import { Buffer } from 'node:buffer';
import { decode, encode, RECURSION_DESIRED, TRUNCATED_RESPONSE, type Answer } from 'dns-packet';
import { SECOND } from '../../shared/clock.ts';
import { boundedFetch } from './bounded-fetch.ts';
import { DnsError } from './dns-error.ts';

const TIMEOUT_MS = 5 * SECOND;
/** Largest DNS message (RFC 1035 §4.2.2). */
const MAX_MESSAGE_BYTES = 65_535;
const MEDIA_TYPE = 'application/dns-message';
const NOERROR = 0;
const NXDOMAIN = 3;

export interface Resolver {
  name: string;
  url: string;
}

export type QuestionType = 'TXT' | 'CNAME' | 'SOA';

export interface DohAnswer {
  status: 'answer' | 'nodata' | 'nxdomain';
  /** TXT: strings joined; CNAME: the target. Of this type, also at the end of an alias. */
  values: string[];
  /** Owner of the SOA in the answer or, with a denial, in the authority section: the apex of the zone (RFC 2308 §3). */
  apex: string | null;
}

export type AskResolver = (resolver: Resolver, name: string, type: QuestionType) => Promise<DohAnswer>;

/** @returns a function that throws DnsError `dns_resolver_failed` for anything but an answer or a denial. */
export function createDohClient(options: { fetch: typeof fetch; onRequest?: (() => void) | undefined }): AskResolver {
  const request = boundedFetch({ ...options, maxBytes: MAX_MESSAGE_BYTES });
  return async (resolver, name, type) => {
    // Id 0 keeps the answer cacheable on the way (RFC 8484 §4.1).
    const query = encode({ type: 'query', id: 0, flags: RECURSION_DESIRED, questions: [{ type, name }] });
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
      throw failed(resolver, controller.signal.aborted ? 'no answer in time' : 'the connection failed', thrown);
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
  if (rcode !== NOERROR && rcode !== NXDOMAIN) throw failed(resolver, `response code ${rcode}`);
  const answers = packet.answers ?? [];
  const values = answers.filter((answer) => answer.type === type).map(valueOf);
  const soa = [...answers, ...(packet.authorities ?? [])].find((answer) => answer.type === 'SOA');
  return {
    status: rcode === NXDOMAIN ? 'nxdomain' : values.length === 0 ? 'nodata' : 'answer',
    values,
    apex: soa === undefined ? null : canonical(soa.name),
  };
}

function valueOf(answer: Answer): string {
  switch (answer.type) {
    case 'TXT':
      return (Array.isArray(answer.data) ? answer.data : [answer.data]).map((text) => text.toString()).join('');
    case 'CNAME':
      return canonical(answer.data);
    default:
      return '';
  }
}

/** Lower case without the final dot. */
export function canonical(name: string): string {
  return (name.endsWith('.') ? name.slice(0, -1) : name).toLowerCase();
}

function failed(resolver: Resolver, why: string, cause?: unknown): DnsError {
  return new DnsError('dns_resolver_failed', `The resolver ${resolver.name} failed: ${why}.`, { retryable: true, cause });
}
