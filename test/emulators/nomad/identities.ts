/**
 * The agent's tokens, policies and workload identities, and what a presented secret resolves to. Policies attached to a
 * job are looked up on each request, so attaching one takes effect at once and needs no new identity.
 */
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { Acl, jobAclCovers } from './acl.ts';
import type { JobAcl, Policy, PolicyRules, WorkloadClaim } from './acl.ts';
import { parsePolicyRules } from './policy-hcl.ts';
import type { StateIndex } from './state.ts';

export interface Token {
  secretId: string;
  accessorId: string;
  name: string;
  type: 'management' | 'client';
  policies: readonly string[];
  createIndex: number;
  createTime: Date;
}

export interface TokenOptions {
  name: string;
  type?: 'management' | 'client';
  policies?: readonly string[];
  /** Generated when absent. */
  secretId?: string;
}

/** Who calls: nobody in particular, an ACL token, a task, or somebody with a secret nobody knows. */
export type Caller = { kind: 'anonymous' | 'token' | 'workload'; acl: Acl; token?: Token } | { kind: 'unknown' };

export class IdentityStore {
  readonly #policies = new Map<string, Policy>();
  readonly #tokens = new Map<string, Token>();
  readonly #workloads = new Map<string, WorkloadClaim>();
  readonly #index: StateIndex;

  constructor(index: StateIndex) {
    this.#index = index;
  }

  get policies(): Policy[] {
    return [...this.#policies.values()];
  }

  policy(name: string): Policy | undefined {
    return this.#policies.get(name);
  }

  /**
   * Creates or replaces a policy, from its HCL or as data.
   * @throws {Error} when the HCL is no policy.
   */
  putPolicy(name: string, rules: string | PolicyRules, options: { description?: string; jobAcl?: JobAcl | undefined } = {}): Policy {
    const index = this.#index.next();
    const policy: Policy = {
      name,
      description: options.description ?? '',
      source: typeof rules === 'string' ? rules : '',
      rules: typeof rules === 'string' ? parsePolicyRules(rules) : rules,
      jobAcl: options.jobAcl,
      createIndex: this.#policies.get(name)?.createIndex ?? index,
      modifyIndex: index,
    };
    this.#policies.set(name, policy);
    this.#index.changed('acl', index);
    return policy;
  }

  deletePolicy(name: string): void {
    this.#policies.delete(name);
    this.#index.changed('acl', this.#index.next());
  }

  createToken(options: TokenOptions): Token {
    const index = this.#index.next();
    const token: Token = {
      secretId: options.secretId ?? randomUUID(),
      accessorId: randomUUID(),
      name: options.name,
      type: options.type ?? 'client',
      policies: options.policies ?? [],
      createIndex: index,
      createTime: new Date(),
    };
    this.#tokens.set(token.secretId, token);
    this.#index.changed('acl', index);
    return token;
  }

  /** A workload identity token, shaped as the JWT a task finds in `NOMAD_TOKEN`. Valid until {@link revokeWorkload}. */
  issueWorkload(claim: WorkloadClaim): string {
    const header = encodeJwtPart({ alg: 'RS256', kid: randomUUID(), typ: 'JWT' });
    const payload = encodeJwtPart({
      nomad_namespace: claim.namespace,
      nomad_job_id: claim.jobId,
      nomad_task: claim.task,
      sub: `global:${claim.namespace}:${claim.jobId}:${claim.group}:${claim.task}:default`,
      jti: randomUUID(),
    });
    const token = `${header}.${payload}.${randomBytes(64).toString('base64url')}`;
    this.#workloads.set(token, claim);
    return token;
  }

  /** The allocation has ended: its identity is worth nothing from now on. */
  revokeWorkload(token: string): void {
    this.#workloads.delete(token);
  }

  resolve(secret: string | undefined): Caller {
    if (secret === undefined || secret === '') return { kind: 'anonymous', acl: new Acl({ management: false, policies: this.#named(['anonymous']) }) };
    const token = this.#tokens.get(secret);
    if (token !== undefined) {
      return { kind: 'token', token, acl: new Acl({ management: token.type === 'management', policies: this.#named(token.policies) }) };
    }
    const claim = this.#workloads.get(secret);
    if (claim === undefined) return { kind: 'unknown' };
    const attached = this.policies.filter(({ jobAcl }) => jobAcl !== undefined && jobAclCovers(jobAcl, claim)).map(({ rules }) => rules);
    return { kind: 'workload', acl: new Acl({ management: false, policies: attached, claim }) };
  }

  #named(names: readonly string[]): PolicyRules[] {
    return names.flatMap((name) => this.#policies.get(name)?.rules ?? []);
  }
}

function encodeJwtPart(part: Record<string, string>): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url');
}

/** Nomad's hashes are opaque to callers and present in every object. */
export function tokenHash(token: Token): string {
  return opaqueHash(`${token.name}${token.type}${token.policies.join()}`);
}

export function policyHash(policy: Policy): string {
  return opaqueHash(`${policy.name}${policy.description}${JSON.stringify(policy.rules)}`);
}

/** 32 bytes in base64, as Nomad's BLAKE2b sums. */
export function opaqueHash(text: string): string {
  return createHash('blake2b512').update(text).digest().subarray(0, 32).toString('base64');
}
