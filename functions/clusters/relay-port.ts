/**
 * The relay's routes as typed calls over the link: schemas on the way in and out, refusals as PerennialError, and what
 * older relays need differently.
 */
import type { z } from 'zod';
import { type Outcome, PerennialError, unwrap } from '../../shared/errors.ts';
import {
  CONTRACT,
  createKeyResponse,
  type DnsQuestion,
  dnsQueryResponse,
  type DnsResult,
  type EgressRequest,
  type EgressResponse,
  egressResponse,
  inspectResponse,
  installResponse,
  type InstancesRequest,
  type InstancesResponse,
  instancesResponse,
  MAX_DEADLINE_MS,
  type NamecheapAccountResponse,
  namecheapAccountResponse,
  type NamecheapQueryRequest,
  type NamecheapReply,
  namecheapReplySchema,
  type NamecheapWriteRequest,
  refusalSchema,
  reloadResponse,
  rollBackResponse,
  signRevocationResponse,
  removeKeyResponse,
  verifyResponse,
  type WatchRequest,
  watchResponse,
} from '../../shared/relay/contract.ts';
import type { RelayPort } from '../certificates/ports.ts';
import type { LinkRequest, LinkResponse } from './link.ts';

/** Reaches the ClusterObject of a cluster; a fresh stub per call (DESIGN §3). */
export type ClusterCall = (cluster: string, request: LinkRequest) => Promise<Outcome<LinkResponse>>;

export interface RelayRoutes extends RelayPort {
  /** What the relay is to look at by itself. @returns how many certificates it looks after then. */
  watch(cluster: string, request: WatchRequest): Promise<number>;
  egress(cluster: string, request: EgressRequest): Promise<EgressResponse>;
  /** Authoritative answers; a relay of contract version 1 is asked one question at a time. */
  dnsQuery(cluster: string, questions: DnsQuestion[]): Promise<DnsResult[]>;
  /** Instances of a service with their health. Throws `relay_too_old` as the next three do when the relay lacks the route. */
  instances(cluster: string, request: InstancesRequest): Promise<InstancesResponse['instances']>;
  namecheapAccount(cluster: string, account: string): Promise<NamecheapAccountResponse>;
  namecheapQuery(cluster: string, request: NamecheapQueryRequest): Promise<NamecheapReply>;
  /**
   * Replaces a host list. Never repeated on another relay. After {@link writeInDoubt} read the hosts before anything else.
   * @param deadlineMs from now; the relay sends nothing to the vendor afterwards. At most {@link MAX_DEADLINE_MS}.
   */
  namecheapWrite(cluster: string, request: NamecheapWriteRequest, deadlineMs: number): Promise<NamecheapReply>;
}

/** Longest waits, ms: a write is quick, a dial of many instances, a CA's and a DNS vendor's answer are not. */
const TIMEOUT = { quick: 15_000, slow: 45_000, egress: 25_000, vendor: 30_000 } as const;

/** Refusals from before anything left for the vendor: of admission, of the law, of Nomad, of the read before the write. */
const NOTHING_SENT =
  /^(namecheap_(?!in_doubt$)|nomad_|egress_|request_|connection_unknown$|push_not_allowed$|relay_(offline|too_old|deadline|stopping|too_large)$)/;

/** Whether a failed {@link RelayRoutes.namecheapWrite} may have reached the vendor: unless it is certain that it did not. */
export function writeInDoubt(error: { code: string }): boolean {
  return !NOTHING_SENT.test(error.code);
}

/** @param caller certificate that is to be woken when its relay comes back. */
export function relayRoutes(call: ClusterCall, caller: string | null): RelayRoutes {
  const ask = async <S extends z.ZodType>(
    cluster: string,
    request: Omit<LinkRequest, 'caller' | 'body'> & { body: unknown },
    schema: S,
  ): Promise<z.infer<S>> => {
    const body = request.body === undefined ? '' : JSON.stringify(request.body);
    const response = unwrap(await call(cluster, { ...request, body, caller }));
    return read(response, schema, `${request.method} ${request.path}`);
  };
  const name = encodeURIComponent;
  return {
    createKey: (cluster, request) => {
      const answer = ask(cluster, { method: 'POST', path: '/v1/keys', body: request, timeoutMs: TIMEOUT.quick, idempotent: true }, createKeyResponse);
      return request.reuse === undefined ? answer : sinceThisContract(cluster, answer, 'request_malformed');
    },
    removeKey: async (cluster, issuance) => {
      await ask(
        cluster,
        { method: 'DELETE', path: `/v1/keys/${name(issuance)}`, body: undefined, timeoutMs: TIMEOUT.quick, idempotent: true },
        removeKeyResponse,
      );
    },
    install: (cluster, certificate, request) =>
      ask(
        cluster,
        { method: 'PUT', path: `/v1/certificates/${name(certificate)}`, body: request, timeoutMs: TIMEOUT.quick, idempotent: true },
        installResponse,
      ),
    inspect: (cluster, certificate, request) =>
      ask(
        cluster,
        {
          method: 'GET',
          path: `/v1/certificates/${name(certificate)}?${new URLSearchParams(request.target).toString()}`,
          body: undefined,
          timeoutMs: TIMEOUT.quick,
          idempotent: true,
        },
        inspectResponse,
      ),
    reload: (cluster, request) =>
      ask(cluster, { method: 'POST', path: '/v1/reload', body: request, timeoutMs: TIMEOUT.quick, idempotent: true }, reloadResponse),
    verify: (cluster, request) =>
      ask(cluster, { method: 'POST', path: '/v1/verify', body: request, timeoutMs: TIMEOUT.slow, idempotent: true }, verifyResponse),
    watch: async (cluster, request) => {
      const answer = ask(cluster, { method: 'PUT', path: '/v1/watch', body: request, timeoutMs: TIMEOUT.quick, idempotent: true }, watchResponse);
      return (await sinceThisContract(cluster, answer)).watched;
    },
    rollBack: (cluster, certificate, request) =>
      sinceThisContract(
        cluster,
        ask(
          cluster,
          { method: 'POST', path: `/v1/certificates/${name(certificate)}/rollback`, body: request, timeoutMs: TIMEOUT.quick, idempotent: true },
          rollBackResponse,
        ),
      ),
    signRevocation: (cluster, issuance, request) =>
      sinceThisContract(
        cluster,
        ask(
          cluster,
          { method: 'POST', path: `/v1/keys/${name(issuance)}/revocation`, body: request, timeoutMs: TIMEOUT.quick, idempotent: true },
          signRevocationResponse,
        ),
      ),
    egress: (cluster, request) =>
      ask(cluster, { method: 'POST', path: '/v1/egress', body: request, timeoutMs: TIMEOUT.egress, idempotent: false }, egressResponse),
    dnsQuery: async (cluster, questions) => {
      const query = (some: DnsQuestion[]) =>
        ask(cluster, { method: 'POST', path: '/v1/dns/query', body: { questions: some }, timeoutMs: TIMEOUT.quick, idempotent: true }, dnsQueryResponse);
      try {
        return (await query(questions)).results;
      } catch (error) {
        // Contract version 1 knows single questions only and says so.
        if (!(error instanceof PerennialError) || error.code !== 'relay_one_question' || questions.length === 1) throw error;
        const answers = await Promise.all(questions.map((question) => query([question])));
        return answers.flatMap((answer) => answer.results);
      }
    },
    instances: async (cluster, request) => {
      const answer = ask(cluster, { method: 'POST', path: '/v1/instances', body: request, timeoutMs: TIMEOUT.quick, idempotent: true }, instancesResponse);
      return (await sinceThisContract(cluster, answer)).instances;
    },
    namecheapAccount: (cluster, account) =>
      sinceThisContract(
        cluster,
        ask(
          cluster,
          { method: 'GET', path: `/v1/namecheap/${name(account)}`, body: undefined, timeoutMs: TIMEOUT.quick, idempotent: true },
          namecheapAccountResponse,
        ),
      ),
    // Not idempotent although it only reads: each call counts against the account's limits.
    namecheapQuery: (cluster, request) =>
      sinceThisContract(
        cluster,
        ask(cluster, { method: 'POST', path: '/v1/namecheap/query', body: request, timeoutMs: TIMEOUT.vendor, idempotent: false }, namecheapReplySchema),
      ),
    namecheapWrite: (cluster, request, deadlineMs) =>
      sinceThisContract(
        cluster,
        ask(
          cluster,
          { method: 'PUT', path: '/v1/namecheap/hosts', body: request, timeoutMs: Math.min(deadlineMs, MAX_DEADLINE_MS), idempotent: false },
          namecheapReplySchema,
        ),
      ),
  };
}

/**
 * A relay from before a route existed says `route_unknown`, one from before a member of a request `request_malformed`;
 * people are told what to do about it.
 */
async function sinceThisContract<T>(cluster: string, answer: Promise<T>, refused = 'route_unknown'): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (!(error instanceof PerennialError) || error.code !== refused) throw error;
    throw new PerennialError('relay_too_old', `The relay of cluster ${cluster} is too old for this.`, {
      retryable: true,
      hint: 'Run its job again with the bundle that this edge serves: nomad job run -var origin=$ORIGIN -var relay_sha256=$(curl -fsS $ORIGIN/relay/latest) -var "law=$(cat law.json)" infra/nomad/relay.nomad.hcl',
    });
  }
}

function read<S extends z.ZodType>(response: LinkResponse, schema: S, route: string): z.infer<S> {
  const body = parseJson(response.body);
  if (response.status >= 400) {
    const refusal = refusalSchema.safeParse(body);
    if (refusal.success) throw PerennialError.fromData(refusal.data.error);
    throw new PerennialError('relay_protocol', `The relay answered ${response.status} to ${route} without saying why.`, { retryable: response.status >= 500 });
  }
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  throw new PerennialError('relay_protocol', `The relay's answer to ${route} has a shape that contract version ${CONTRACT.current} does not know.`, {
    retryable: true,
    cause: parsed.error,
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
