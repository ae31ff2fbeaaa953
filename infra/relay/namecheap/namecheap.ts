/**
 * Namecheap on behalf of the edge: the read-only commands, and one write that reads first.
 *
 * Invariants: the key goes into the body of a POST to the account's endpoint and nowhere else, and a reply that holds it is
 * withheld; only listed domains are named; `setHosts` leaves at most once per request, right after a read that equals what
 * the caller expects, with a difference that the law allows. Platform-neutral: everything that acts is handed in.
 */
import type { Clock } from '../../../shared/clock.ts';
import { PerennialError } from '../../../shared/errors.ts';
import { difference, sameTable } from '../../../shared/namecheap/comparison.ts';
import type { SplitDomain } from '../../../shared/namecheap/domain-name.ts';
import { namecheapError } from '../../../shared/namecheap/failures.ts';
import { GET_HOSTS, readHostList } from '../../../shared/namecheap/host-list.ts';
import { queryForm } from '../../../shared/namecheap/query-form.ts';
import { SET_HOSTS, setHostsForm } from '../../../shared/namecheap/set-hosts.ts';
import { MAX_REPLY_LENGTH } from '../../../shared/namecheap/xml.ts';
import type { NamecheapAccountResponse, NamecheapQueryRequest, NamecheapReply, NamecheapWriteRequest } from '../../../shared/relay/contract.ts';
import { accountOf, domainsOf, type NamecheapAccount, splitOf } from './account.ts';
import { requireAllowed } from './change-law.ts';

export interface NamecheapDependencies {
  accounts: readonly NamecheapAccount[];
  /** The account's key, read anew. @throws PerennialError `namecheap_key_missing`, and what Nomad throws. */
  key: (account: NamecheapAccount, signal: AbortSignal) => Promise<string>;
  /** The public IPv4 address that the account's calls leave from. @throws PerennialError `namecheap_address_unknown` */
  address: (account: NamecheapAccount, signal: AbortSignal) => Promise<string>;
  /** Sends one request to the account's endpoint; follows no redirect and ends with the request's signal. */
  fetch: (request: Request, account: NamecheapAccount) => Promise<Response>;
  clock: Clock;
}

export interface Namecheap {
  account(name: string, signal: AbortSignal): Promise<NamecheapAccountResponse>;
  /**
   * The vendor's answer, unread.
   * @throws PerennialError `namecheap_account_not_allowed`, `namecheap_domain_not_allowed`, `namecheap_key_missing`,
   *   `namecheap_address_unknown`, `namecheap_unavailable`, `namecheap_reply_withheld`, `egress_*`.
   */
  query(request: NamecheapQueryRequest, signal: AbortSignal): Promise<NamecheapReply>;
  /**
   * The vendor's answer to `setHosts`, unread: it too may say that nothing was written, or leave it open.
   * @throws PerennialError `namecheap_in_doubt` when `setHosts` left without a usable answer. Every other error says that
   *   nothing left: as {@link query}, `namecheap_changed`, `namecheap_change_not_allowed`, `namecheap_record_refused`, and
   *   what `readHostList` throws.
   */
  write(request: NamecheapWriteRequest, signal: AbortSignal): Promise<NamecheapReply>;
}

/** An account with what a call of this moment needs. */
interface Session {
  account: NamecheapAccount;
  split: SplitDomain;
  key: string;
  address: string;
}

export function createNamecheap(deps: NamecheapDependencies): Namecheap {
  const open = async (name: string, domain: string, signal: AbortSignal): Promise<Session> => {
    const account = accountOf(deps.accounts, name);
    const split = splitOf(account, domain);
    const [key, address] = await Promise.all([deps.key(account, signal), deps.address(account, signal)]);
    return { account, split, key, address };
  };

  const call = async (session: Session, command: string, form: URLSearchParams, signal: AbortSignal): Promise<NamecheapReply> => {
    const { account, key, address } = session;
    const body = new URLSearchParams({
      ApiUser: account.account,
      ApiKey: key,
      UserName: account.userName ?? account.account,
      ClientIp: address,
      Command: command,
    });
    for (const [name, value] of form) body.append(name, value);
    signal.throwIfAborted();
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const response = await deps.fetch(new Request(account.endpoint, { method: 'POST', headers, body: body.toString(), signal }), account);
    const text = await response.text();
    if (text.toLowerCase().includes(key.toLowerCase())) throw withheld();
    if (text.length > MAX_REPLY_LENGTH) throw namecheapError('namecheap_unavailable', `The reply of Namecheap is longer than ${MAX_REPLY_LENGTH} characters.`);
    return { status: response.status, body: text, address };
  };

  const ask = async (session: Session, command: NamecheapQueryRequest['command'], signal: AbortSignal): Promise<NamecheapReply> => {
    try {
      return await call(session, command, queryForm(command, session.split), signal);
    } catch (thrown) {
      if (thrown instanceof PerennialError) throw thrown;
      // Without the cause: what a fetch throws may hold its request, and with it the key.
      throw namecheapError('namecheap_unavailable', 'Namecheap did not answer.', { retryable: true });
    }
  };

  return {
    account: async (name, signal) => {
      const account = accountOf(deps.accounts, name);
      const address = await deps.address(account, signal).catch(() => null);
      return { account: account.account, domains: domainsOf(account), changes: account.changes, address };
    },

    query: async (request, signal) => ask(await open(request.account, request.domain, signal), request.command, signal),

    write: async ({ account, expect, write }, signal) => {
      requireAllowed(accountOf(deps.accounts, account), expect, write);
      const session = await open(account, expect.domain, signal);
      const reply = await ask(session, GET_HOSTS, signal);
      const { table } = readHostList({ ...reply, at: deps.clock() }, expect.domain);
      if (!sameTable(table, expect)) throw changed(difference(expect, table));
      // What is there now decides, not what the caller says is there.
      requireAllowed(session.account, table, write);
      const form = setHostsForm(write, session.split);
      signal.throwIfAborted();
      try {
        return await call(session, SET_HOSTS, form, signal);
      } catch (thrown) {
        throw inDoubt(thrown);
      }
    },
  };
}

function changed({ added, removed, emailType }: ReturnType<typeof difference>): PerennialError {
  return namecheapError('namecheap_changed', 'The hosts at Namecheap are not what they were when the change was planned; nothing was written.', {
    retryable: true,
    details: { added: added.length, removed: removed.length, emailType: emailType !== null },
  });
}

function withheld(): PerennialError {
  return namecheapError('namecheap_reply_withheld', 'The reply of Namecheap holds the key of the account, and stays in the relay.', {
    hint: 'Is "endpoint" of the account in the relay\'s law really Namecheap?',
  });
}

/** Not retryable by itself: whoever tries again reads first. A deadline that passes meanwhile does not hide it. */
function inDoubt(thrown: unknown): PerennialError {
  const why = thrown instanceof PerennialError ? `: ${thrown.message}` : '.';
  return namecheapError('namecheap_in_doubt', `The write was sent to Namecheap and no usable answer came${why}`, {
    hint: 'The zone is read again before anything else is written.',
    details: thrown instanceof PerennialError ? { cause: thrown.code } : undefined,
  });
}
