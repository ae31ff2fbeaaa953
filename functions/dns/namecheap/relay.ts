/** What the Namecheap adapter needs of a relay: the routes of `shared/relay/contract.ts` with the cluster filled in. */
import type {
  DnsQuestion,
  DnsResult,
  NamecheapAccountResponse,
  NamecheapQueryRequest,
  NamecheapReply,
  NamecheapWriteRequest,
} from '../../../shared/relay/contract.ts';

export interface NamecheapRelay {
  account(account: string): Promise<NamecheapAccountResponse>;
  query(request: NamecheapQueryRequest): Promise<NamecheapReply>;
  /** @param deadlineMs the relay sends nothing to the vendor after this time from now. */
  write(request: NamecheapWriteRequest, deadlineMs: number): Promise<NamecheapReply>;
  /** What every authoritative server answers (`POST /v1/dns/query`). */
  authoritative(questions: DnsQuestion[]): Promise<DnsResult[]>;
}
