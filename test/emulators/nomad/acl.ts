/**
 * Who may do what (acl/acl.go): policies as data, tokens by role, workload identities with their implicit grant.
 * For a variable the exact path of a policy decides first, then the implicit grant, then the closest glob; so an exact
 * rule hides the grant. Rules for the same path are united, and a `deny` among them takes nothing away (measured);
 * for a namespace `deny` wins.
 */

export type VariableCapability = 'list' | 'read' | 'write' | 'destroy' | 'deny';
export type PolicyLevel = 'deny' | 'read' | 'write' | 'scale' | 'list';

export interface VariableRule {
  /** A path, or a glob with `*`. */
  path: string;
  capabilities: readonly VariableCapability[];
}

export interface NamespaceRule {
  /** A namespace, or a glob with `*`. */
  namespace: string;
  policy?: PolicyLevel;
  capabilities?: readonly string[];
  variables?: readonly VariableRule[];
}

export interface PolicyRules {
  namespaces: NamespaceRule[];
  agent?: PolicyLevel;
  node?: PolicyLevel;
  operator?: PolicyLevel;
}

/** Attaches a policy to a job, and if given to a group and task of it, instead of to tokens. */
export interface JobAcl {
  namespace: string;
  jobId: string;
  group?: string;
  task?: string;
}

export interface Policy {
  name: string;
  description: string;
  /** The HCL it was written as, `''` when it was given as data. */
  source: string;
  rules: PolicyRules;
  jobAcl: JobAcl | undefined;
  createIndex: number;
  modifyIndex: number;
}

/** The claim of a running task: what the implicit grant and {@link JobAcl} are decided by. */
export interface WorkloadClaim {
  namespace: string;
  jobId: string;
  group: string;
  task: string;
}

const READ_CAPABILITIES = [
  'list-jobs',
  'parse-job',
  'read-job',
  'csi-list-volume',
  'csi-read-volume',
  'read-job-scaling',
  'list-scaling-policies',
  'read-scaling-policy',
  'host-volume-read',
];
const WRITE_CAPABILITIES = [
  ...READ_CAPABILITIES,
  'scale-job',
  'submit-job',
  'dispatch-job',
  'read-logs',
  'read-fs',
  'alloc-exec',
  'alloc-lifecycle',
  'csi-mount-volume',
  'csi-write-volume',
  'submit-recommendation',
  'host-volume-create',
];
const SCALE_CAPABILITIES = ['list-scaling-policies', 'read-scaling-policy', 'read-job-scaling', 'scale-job', 'read-job', 'submit-recommendation'];

/** What the short-hand `policy` of a namespace grants; it never includes variables. */
const CAPABILITIES_BY_LEVEL: Readonly<Record<PolicyLevel, readonly string[]>> = {
  deny: ['deny'],
  read: READ_CAPABILITIES,
  write: WRITE_CAPABILITIES,
  scale: SCALE_CAPABILITIES,
  list: [],
};

/** What a namespace rule grants, its short-hand expanded. */
export function namespaceCapabilities(rule: NamespaceRule): string[] {
  return [...(rule.policy === undefined ? [] : CAPABILITIES_BY_LEVEL[rule.policy]), ...(rule.capabilities ?? [])];
}

/** Capability sets by exact key or glob; the closest glob is the one with the fewest characters left to the star. */
class CapabilityMap {
  readonly #sets = new Map<string, Set<string>>();

  add(key: string, capabilities: readonly string[]): void {
    const set = this.#sets.get(key) ?? new Set<string>();
    for (const capability of capabilities) set.add(capability);
    this.#sets.set(key, set);
  }

  exact(key: string): ReadonlySet<string> | undefined {
    return key.includes('*') ? undefined : this.#sets.get(key);
  }

  closestGlob(key: string): ReadonlySet<string> | undefined {
    let closest: { difference: number; set: ReadonlySet<string> } | undefined;
    for (const [pattern, set] of [...this.#sets].sort(([left], [right]) => (left < right ? -1 : 1))) {
      if (!pattern.includes('*') || !matchesGlob(pattern, key)) continue;
      const difference = key.length - pattern.length + pattern.split('*').length - 1;
      if (closest === undefined || difference <= closest.difference) closest = { difference, set };
    }
    return closest?.set;
  }
}

function matchesGlob(pattern: string, subject: string): boolean {
  const source = pattern
    .split('*')
    .map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, String.raw`\$&`))
    .join('[^]*');
  return new RegExp(`^${source}$`).test(subject);
}

function allows(set: ReadonlySet<string> | undefined, capability: string): boolean {
  return set !== undefined && !set.has('deny') && set.has(capability);
}

const IMPLICIT_GRANT: ReadonlySet<string> = new Set(['read', 'list']);

/** The rights of one caller, compiled from its policies. */
export class Acl {
  readonly isManagement: boolean;
  readonly claim: WorkloadClaim | undefined;
  readonly #namespaces = new CapabilityMap();
  readonly #variables = new CapabilityMap();
  readonly #agent: boolean;

  constructor(grant: { management: boolean; policies: readonly PolicyRules[]; claim?: WorkloadClaim | undefined }) {
    this.isManagement = grant.management;
    this.claim = grant.claim;
    this.#agent = grant.policies.some(({ agent }) => agent === 'read' || agent === 'write');
    for (const { namespaces } of grant.policies) for (const rule of namespaces) this.#addNamespace(rule);
  }

  /** Whether a policy or the implicit grant allows it: what reads and lists ask. */
  allowsVariable(namespace: string, path: string, capability: VariableCapability): boolean {
    if (this.isManagement) return true;
    const key = variableKey(namespace, path);
    return (this.#variables.exact(key) ?? this.#implicit(namespace, path) ?? this.#variables.closestGlob(key))?.has(capability) ?? false;
  }

  /** Whether a policy alone allows it: writes leave the claim out, also when they ask if a conflict may be shown. */
  allowsVariableByPolicy(namespace: string, path: string, capability: VariableCapability): boolean {
    if (this.isManagement) return true;
    const key = variableKey(namespace, path);
    return (this.#variables.exact(key) ?? this.#variables.closestGlob(key))?.has(capability) ?? false;
  }

  allowsNamespace(namespace: string, capability: string): boolean {
    return this.isManagement || allows(this.#namespaces.exact(namespace) ?? this.#namespaces.closestGlob(namespace), capability);
  }

  /** Whether the namespace is visible at all: any capability in it. */
  seesNamespace(namespace: string): boolean {
    if (this.isManagement) return true;
    const set = this.#namespaces.exact(namespace) ?? this.#namespaces.closestGlob(namespace);
    return set !== undefined && set.size > 0 && !set.has('deny');
  }

  /** Every workload may read service registrations; a token needs `read-job`. */
  allowsServices(namespace: string): boolean {
    return this.isManagement || this.claim !== undefined || this.allowsNamespace(namespace, 'read-job');
  }

  get allowsAgentRead(): boolean {
    return this.isManagement || this.#agent;
  }

  #addNamespace(rule: NamespaceRule): void {
    this.#namespaces.add(rule.namespace, namespaceCapabilities(rule));
    for (const { path, capabilities } of rule.variables ?? []) {
      this.#variables.add(variableKey(rule.namespace, path), capabilities.includes('read') ? [...capabilities, 'list'] : capabilities);
    }
  }

  #implicit(namespace: string, path: string): ReadonlySet<string> | undefined {
    if (this.claim === undefined || namespace !== this.claim.namespace) return undefined;
    const { jobId, group, task } = this.claim;
    const granted = ['nomad/jobs', `nomad/jobs/${jobId}`, `nomad/jobs/${jobId}/${group}`, `nomad/jobs/${jobId}/${group}/${task}`];
    return granted.includes(path) ? IMPLICIT_GRANT : undefined;
  }
}

function variableKey(namespace: string, path: string): string {
  return `${namespace}\u0000${path}`;
}

/** Whether a policy attached to a job applies to this task. */
export function jobAclCovers(jobAcl: JobAcl, claim: WorkloadClaim): boolean {
  if (jobAcl.namespace !== claim.namespace || jobAcl.jobId !== claim.jobId) return false;
  if (jobAcl.group !== undefined && jobAcl.group !== '' && jobAcl.group !== claim.group) return false;
  return jobAcl.task === undefined || jobAcl.task === '' || jobAcl.task === claim.task;
}
