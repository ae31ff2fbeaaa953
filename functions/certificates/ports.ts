/**
 * What the certificate life cycle needs from the rest of the edge. Adapters live in `acme/`, `dns/`, `clusters/` and are
 * wired in `functions/composition.ts`; nothing here knows how they work.
 *
 * Every method throws PerennialError. Codes are prefixed by the part: `acme_`, `dns_`, `relay_`, `nomad_`, `traefik_`.
 */
import type {
  CreateKeyRequest,
  CreateKeyResponse,
  InspectRequest,
  InspectResponse,
  InstallRequest,
  InstallResponse,
  KeyType,
  ReloadRequest,
  ReloadResponse,
  RollBackRequest,
  RollBackResponse,
  SignRevocationRequest,
  SignRevocationResponse,
  VerifyRequest,
  VerifyResponse,
} from '../../shared/relay/contract.ts';

/** RFC 8555 §7.1.3, the members this product uses. */
export interface AcmeOrder {
  url: string;
  status: 'pending' | 'ready' | 'processing' | 'valid' | 'invalid';
  expires: number | null;
  authorizations: string[];
  finalize: string;
  certificate: string | null;
  error: AcmeProblemData | null;
  /** Unix ms before which polling again is pointless (Retry-After), or null. */
  retryAt: number | null;
}

/** RFC 8555 §7.1.4 with its dns-01 challenge, if offered. */
export interface AcmeAuthorization {
  url: string;
  /** Identifier value without `*.`. */
  identifier: string;
  wildcard: boolean;
  status: 'pending' | 'valid' | 'invalid' | 'deactivated' | 'expired' | 'revoked';
  dns01: { url: string; status: 'pending' | 'processing' | 'valid' | 'invalid'; txtValue: string; error: AcmeProblemData | null } | null;
}

/** RFC 7807 problem as stored and shown: short, text only. */
export interface AcmeProblemData {
  type: string;
  detail: string;
  subproblems: { type: string; detail: string; identifier: string | null }[];
}

/** DESIGN §4: classes of failure; each has its own backoff. */
export type FailureClass =
  | 'protocol'
  | 'overload'
  | 'limit'
  | 'paused'
  | 'state'
  | 'replaces'
  | 'validation'
  | 'account'
  | 'permanent'
  | 'dns'
  | 'relay'
  | 'nomad'
  | 'traefik'
  | 'internal';

export interface WantedOrder {
  names: string[];
  profile: string | null;
  /** RFC 9773 certID of the predecessor, or null. */
  replaces: string | null;
  /** Names this attempt in the ledger of orders: a repeat after a lost reply is entered once more, a repeat of the call is not. */
  attempt?: string;
  /** Now lies inside the predecessor's ARI window: the CA exempts the order from its limits. */
  inWindow?: boolean;
  /** May spend what is kept in reserve: an incident, a revocation, the last twentieth of the lifetime, or a person. */
  emergency?: boolean;
  /** The CA has issued for exactly these names before: it exempts the order from most limits. */
  renewal?: boolean;
  /** Another CA stands before this one: a profile that this CA knows nothing of is left out instead of being an error. */
  fallback?: boolean;
}

export interface PlacedOrder extends AcmeOrder {
  /** The CA's words when it refused `replaces` and the order went out without it; null otherwise. */
  replacesRefused: string | null;
  /** What was ordered in the end. */
  profile: string | null;
}

/** RFC 5280 §5.3.1, as RFC 8555 §7.6 uses it. */
export type RevocationReason = number;

/** One conversation with a CA for one invocation: chains nonces, counts requests, knows the account. */
export interface AcmeSession {
  readonly authority: string;
  readonly accountUrl: string;
  /** Names by which CAA records know the CA (RFC 8659 §4.2); empty when nobody knows. */
  readonly caaIdentities: readonly string[];
  newOrder(order: WantedOrder): Promise<PlacedOrder>;
  order(url: string): Promise<AcmeOrder>;
  authorizations(urls: string[]): Promise<AcmeAuthorization[]>;
  /** Tells the CA that the challenge is ready (RFC 8555 §7.5.1). */
  answer(challengeUrl: string): Promise<void>;
  /** @param csr PKCS#10 DER, base64url (RFC 8555 §7.4). */
  finalize(order: AcmeOrder, csr: string): Promise<AcmeOrder>;
  /** PEM chain, leaf first; the alternate whose top issuer CN is `preferredChain` when offered. */
  download(order: AcmeOrder, preferredChain: string | null): Promise<string>;
  /** Gives an authorization up (RFC 8555 §7.5.2). One that is gone or closed already is success. */
  deactivate(authorizationUrl: string): Promise<void>;
  /**
   * Revokes the leaf of a PEM chain (RFC 8555 §7.6). `alreadyRevoked` is success.
   * @param sign null: with the account key; else makes the JWS with the certificate's own key for this URL and nonce.
   */
  revoke(chain: string, reason: RevocationReason, sign: ((target: { url: string; nonce: string }) => Promise<string>) | null): Promise<void>;
  /** Requests sent so far in this session. */
  requests(): number;
  /** The latest unused nonce, so that the next invocation can go on without asking for one. */
  nonce(): string | null;
}

/** How many requests may still leave in one invocation; one for everything that sends in it. */
export interface RequestBudget {
  /** Takes one; false when there is none left. */
  take(): boolean;
}

export interface OpenOptions {
  /** False: an account that is not there is not registered, `acme_account_not_registered`. True by default. */
  register?: boolean;
  /** A person asks: an account that was stopped is tried again at once. */
  insist?: boolean;
  /** Of the invocation; a session without one has its own. `acme_request_budget`, retryable at once, when it is spent. */
  budget?: RequestBudget;
}

export interface AcmePort {
  /**
   * Registers the account when there is none yet (once, in CaObject). `nonce` continues an earlier session.
   * Throws `acme_*`; `acme_account_*` stop the account.
   */
  open(authority: string, nonce: string | null, options?: OpenOptions): Promise<AcmeSession>;
  /**
   * A place among the certificates that this CA is asked for at once: null, or Unix ms at which to come back. Whoever holds
   * one already keeps it.
   */
  enter(authority: string): Promise<number | null>;
  /** The CA is done with it: somebody else may start. */
  leave(authority: string): Promise<void>;
  /**
   * How CAA records know the CA, and our account there: null while none is registered. Registers nothing, so that a lost
   * account that CAA pins is noticed before another one is made.
   */
  identity(authority: string): Promise<{ identities: string[]; accountUrl: string | null }>;
  /** Whether the configuration wants authorizations of this CA given up once the certificate is issued. Asks nobody. */
  deactivatesAuthorizations(authority: string): boolean;
  /** RFC 9773; null when the CA offers no ARI. */
  renewalInfo(
    authority: string,
    certId: string,
    budget?: RequestBudget,
  ): Promise<{ start: number; end: number; explanationUrl: string | null; retryAt: number } | null>;
  /** Class of a failure that any AcmePort or AcmeSession method threw. */
  classify(error: unknown): FailureClass;
}

/** One TXT to publish for a dns-01 challenge; `name` is `_acme-challenge.<domain>` before any delegation. */
export interface ChallengeRecord {
  name: string;
  value: string;
}

/** Where a record really went after zone look-up and CNAME delegation. */
export interface PlacedRecord extends ChallengeRecord {
  vendor: string;
  zoneId: string;
  zoneName: string;
  /** The name written to, after following a delegation. */
  target: string;
  /** Kind of vendor; it decides how long propagation may take. Absent in what the release before has stored. */
  provider?: 'cloudflare' | 'namecheap' | undefined;
}

export interface PropagationReport {
  complete: boolean;
  /** e.g. `3 of 4 authoritative servers, 1 of 2 public resolvers`. */
  summary: string;
  /** Authoritative servers could not be asked (no relay): weaker evidence. */
  weak: boolean;
  servers: { name: string; kind: 'authoritative' | 'resolver'; seen: boolean; detail: string }[];
}

/** A report with what the next look goes on from. */
export interface PropagationProgress extends PropagationReport {
  /** Challenge names that need not be asked about again. */
  confirmed: string[];
}

/** What the CA goes by when it checks CAA (RFC 8659, RFC 8657). */
export interface CaaIdentity {
  /** Names by which CAA records know the CA; empty when nobody knows, and CAA can hardly be judged. */
  identities: string[];
  /** Null while no account is registered: a record that pins one pins another. */
  accountUrl: string | null;
}

export interface DnsPort {
  /**
   * Looks, before an order is spent, for what would make it fail: no zone, CAA, foreign name servers, DNSSEC, names too
   * long, a full, locked or stopped zone. Read-only. What cannot be asked does not block.
   * @param domains as certified, wildcards included. @throws DnsError naming the record, what it holds and what to change.
   */
  preflight(domains: string[], authority: CaaIdentity, vias: string[]): Promise<void>;
  /** Finds each record's zone (longest match, CNAME followed into configured zones). Read-only. `vias` as for `propagation`. */
  place(records: ChallengeRecord[], vias: string[]): Promise<PlacedRecord[]>;
  /**
   * Publishes all of them: ledger row first, then one change per zone; the same name and value again is a no-op.
   * @param owner issuance id; the ledger remembers it. @param operation deduplicates a repeated call.
   * @returns Unix ms at which to ask again, with the same operation, because a vendor is still being written to; null when
   * every vendor has them.
   */
  present(owner: string, operation: string, records: PlacedRecord[]): Promise<number | null>;
  /**
   * Read-only. Asks about a bounded number of names at a time.
   * @param vias clusters whose relay may be asked for authoritative answers. @param confirmed of the report before; empty at first.
   */
  propagation(records: PlacedRecord[], vias: string[], confirmed: string[]): Promise<PropagationProgress>;
  /** Removes exactly what the ledger says this owner wrote in the zones of `records`. Safe to repeat. */
  cleanUp(owner: string, operation: string, records: PlacedRecord[]): Promise<void>;
}

/** The relay of one cluster (routes of shared/relay/contract.ts). Throws `relay_offline`, `relay_timeout`, or the relay's own refusal. */
export interface RelayPort {
  createKey(cluster: string, request: CreateKeyRequest): Promise<CreateKeyResponse>;
  removeKey(cluster: string, issuance: string): Promise<void>;
  install(cluster: string, certificate: string, request: InstallRequest): Promise<InstallResponse>;
  inspect(cluster: string, certificate: string, request: InspectRequest): Promise<InspectResponse>;
  reload(cluster: string, request: ReloadRequest): Promise<ReloadResponse>;
  verify(cluster: string, request: VerifyRequest): Promise<VerifyResponse>;
  /** Puts the previous pair back, if the variable still holds `from`. Safe to repeat. */
  rollBack(cluster: string, certificate: string, request: RollBackRequest): Promise<RollBackResponse>;
  /** A revocation signed with the certificate's own key, which stays in the cluster (RFC 8555 §7.6). */
  signRevocation(cluster: string, issuance: string, request: SignRevocationRequest): Promise<SignRevocationResponse>;
}

/** `warning`: somebody should look; `critical`: now. */
export type EventSeverity = 'info' | 'warning' | 'critical';

/** Learns what happened, by outbox (DESIGN §3): calls may be repeated with the same `sequence`. */
export interface FleetPort {
  report(report: CertificateReport): Promise<void>;
}

/** The row of one certificate as listings and the status page show it. */
export interface CertificateReport {
  name: string;
  sequence: number;
  at: number;
  view: CertificateView;
  /** Events since the last report, oldest first. */
  events: { sequence: number; at: number; kind: string; message: string; severity?: EventSeverity | undefined }[];
}

export type Phase = 'idle' | 'adopt' | 'order' | 'present' | 'propagate' | 'validate' | 'finalize' | 'download' | 'install' | 'reload' | 'verify';

/** Everything people and programs may see of a certificate. No secret, no key, no CSR. */
export interface CertificateView {
  name: string;
  domains: string[];
  state: 'new' | 'live' | 'partly-live' | 'renewing' | 'waiting' | 'failing' | 'needs-attention' | 'retired';
  phase: Phase;
  /** Why it is in this phase or what happens next, one sentence. */
  reason: string;
  /** What it waits for right now, one sentence, or null. */
  waitingFor: string | null;
  /** Unix ms of the next own step; null when nothing is planned. */
  nextAt: number | null;
  /** Unix ms at which the next renewal is due, and why then. */
  renewal: { at: number; reason: string } | null;
  /** What the CA suggests (RFC 9773); null while it was never asked. `explanationUrl` is text, never a link. */
  ari: { start: number | null; end: number | null; selectedAt: number | null; explanationUrl: string | null; nextCheckAt: number; failures: number } | null;
  live: null | {
    sha256: string;
    names: string[];
    issuer: string;
    authority: string | null;
    serial: string;
    notBefore: number;
    notAfter: number;
    since: number;
    adopted: boolean;
    /** Null when it was adopted. */
    keyType: KeyType | null;
    /** Why this CA issued it, where it is not the first one of the configuration. */
    why: string | null;
    revoked: { at: number; reason: number } | null;
  };
  issuance: null | {
    id: string;
    startedAt: number;
    attempt: number;
    authority: string;
    /** What is ordered; null where the report is of the release before. */
    keyType: KeyType | null;
    profile: string | null;
    /** CAs that were left for the next one. */
    left: { authority: string; at: number; code: string; message: string }[];
    keyMadeIn: string | null;
    phases: { name: Phase; startedAt: number; endedAt: number | null }[];
    propagation: PropagationReport | null;
    failure: { class: FailureClass; code: string; message: string; hint: string | null; retryAt: number | null; attention: boolean; stopped: boolean } | null;
    requests: { acme: number; dns: number; relay: number };
  };
  deliveries: {
    id: string;
    cluster: string;
    variable: string;
    index: number | null;
    sha256: string | null;
    state: 'pending' | 'installed' | 'live' | 'partly-live' | 'waiting-for-instance' | 'wrong' | 'drift' | 'failing';
    instances: {
      id: string;
      address: string;
      port: number;
      verdict: string;
      detail: string;
      sha256: string | null;
      issuer: string | null;
      notAfter: number | null;
      at: number;
    }[];
    /** The pair before was put back, or is about to be: `from` is quarantined. */
    rollback: { from: string; to: string | null; at: number; done: boolean } | null;
    failure: { code: string; message: string; hint: string | null; retryAt: number | null } | null;
  }[];
  /** Holds the next issuance back until a person or an emergency overrides it. */
  hold: { code: string; message: string; hint: string | null; retryAt: number | null } | null;
  /** Leaves that were rolled back and are never installed again. */
  quarantined: string[];
  /** A revocation that was asked for and is not done yet. */
  revocation: {
    sha256: string;
    reason: number;
    signer: 'account' | 'certificate';
    at: number;
    failure: { code: string; message: string; hint: string | null; retryAt: number | null } | null;
  } | null;
  /** The last finished issuances, newest first. */
  history: {
    id: string;
    startedAt: number;
    endedAt: number;
    outcome: 'live' | 'failed' | 'abandoned';
    sha256: string | null;
    authority: string;
    phases: { name: Phase; ms: number }[];
    message: string;
    requests: { acme: number; dns: number; relay: number };
  }[];
  /** Zones that its challenge records were written to last. */
  zones: { vendor: string; zoneId: string; zoneName: string }[];
  generation: number;
}
