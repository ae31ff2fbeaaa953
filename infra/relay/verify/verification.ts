/**
 * Proof by dial: every name of a certificate against every instance that service discovery names and the law lists.
 * Dials nothing else.
 */
import type { X509Certificate } from 'node:crypto';
import { PerennialError } from '../../../shared/errors.ts';
import type { InstanceVerdict, VerifyRequest } from '../../../shared/relay/contract.ts';
import { readChain } from '../../../shared/x509/chain.ts';
import type { Roots } from '../install/roots.ts';
import type { Law, ServiceRule } from '../law.ts';
import type { ServiceInstance, Workloads } from '../nomad/workloads.ts';
import type { Dial, Dialled } from './dial.ts';
import { runBounded } from './bounded.ts';
import { judge, worst } from './verdict.ts';
import type { NameVerdict, ServedChain } from './verdict.ts';

/** Handshakes at the same time, over all instances. */
const CONCURRENCY = 16;
const MAX_INSTANCES = 500;
/** Of the instances as JSON; below the contract's limit for a body. */
const MAX_REPORT_BYTES = 900_000;

export interface VerificationDependencies {
  law: Pick<Law, 'services'>;
  workloads: Workloads;
  roots: Roots;
  dial: Dial;
}

export class Verification {
  readonly #deps: VerificationDependencies;

  constructor(deps: VerificationDependencies) {
    this.#deps = deps;
  }

  /** Throws `service_not_allowed`, `too_many_instances`, `nomad_*`. No instance is an empty list, not an error. */
  async verify(request: VerifyRequest, effect: { now(): number; signal: AbortSignal }): Promise<InstanceVerdict[]> {
    const rule = serviceRule(this.#deps.law, request.service, request.namespace);
    const registered = await this.#deps.workloads.instances(request.service, request.namespace, effect.signal);
    const instances = registered.filter(({ job }) => rule.jobs.includes(job));
    if (instances.length > MAX_INSTANCES)
      throw new PerennialError('too_many_instances', `${instances.length} instances of ${request.service} are more than ${MAX_INSTANCES}.`);
    const names = [...new Set([...request.names, ...request.probes])];
    const served = new ServedChains(this.#deps.roots, effect.now());
    const dials = instances.flatMap((instance) => names.map((name) => ({ instance, name })));
    const verdicts = await runBounded(dials, CONCURRENCY, async ({ instance, name }): Promise<NameVerdict> => {
      if (rule.ports !== undefined && !rule.ports.includes(instance.port))
        return missed(name, 'unreachable', `Port ${instance.port} is not listed in the relay's law.`);
      const dialled = await this.#deps.dial({ address: instance.address, port: instance.port, name }, effect.signal);
      return toVerdict(name, dialled, served, request, effect.now());
    });
    return fitting(instances.map((instance, position) => report(instance, verdicts.slice(position * names.length, (position + 1) * names.length))));
  }
}

/** The law's rule of a service. Throws `service_not_allowed`. */
export function serviceRule(law: Pick<Law, 'services'>, service: string, namespace?: string): ServiceRule {
  const rule = law.services.find((candidate) => candidate.service === service && (namespace === undefined || candidate.namespace === namespace));
  if (rule !== undefined) return rule;
  throw new PerennialError(
    'service_not_allowed',
    `The relay's law does not list the service ${service}${namespace === undefined ? '' : ` in namespace ${namespace}`}.`,
    {
      hint: 'Add it with its job ids to "services" of the law in the relay job file.',
    },
  );
}

async function toVerdict(name: string, dialled: Dialled, served: ServedChains, request: VerifyRequest, now: number): Promise<NameVerdict> {
  if (dialled.kind !== 'served') return missed(name, dialled.kind, dialled.detail);
  const chain = await served.read(dialled.chain);
  return chain === null ? missed(name, 'foreign', 'A certificate is served that cannot be parsed.') : judge(name, chain, request, now);
}

function missed(name: string, verdict: NameVerdict['verdict'], detail: string): NameVerdict {
  return { name, verdict, served: null, detail: detail.slice(0, 300) };
}

function report(instance: ServiceInstance, names: NameVerdict[]): InstanceVerdict {
  return { id: instance.id.slice(0, 300), address: instance.address, port: instance.port, job: instance.job, ...worst(names), names };
}

/** Hundreds of instances with a hundred names each do not fit into one response; their worst names do. */
function fitting(instances: InstanceVerdict[]): InstanceVerdict[] {
  if (Buffer.byteLength(JSON.stringify(instances)) <= MAX_REPORT_BYTES) return instances;
  return instances.map((instance) => {
    const decisive = instance.names.find(({ verdict }) => verdict === instance.verdict);
    // The certificate's own names are the longest part, and known to whoever asks.
    const names = decisive === undefined ? [] : [{ ...decisive, served: decisive.served === null ? null : { ...decisive.served, names: [] } }];
    return { ...instance, names };
  });
}

/** Hundreds of handshakes show the same few chains; each is parsed and checked once per verification. */
class ServedChains {
  readonly #roots: Roots;
  readonly #now: number;
  readonly #known = new Map<string, Promise<ServedChain | null>>();

  constructor(roots: Roots, now: number) {
    this.#roots = roots;
    this.#now = now;
  }

  async read(chain: readonly X509Certificate[]): Promise<ServedChain | null> {
    const id = chain.map(({ fingerprint256 }) => fingerprint256).join();
    const entry = this.#known.get(id) ?? this.#parse(chain);
    this.#known.set(id, entry);
    return entry;
  }

  async #parse(chain: readonly X509Certificate[]): Promise<ServedChain | null> {
    const [first] = chain;
    if (first === undefined) return null;
    const parsed = await readChain(first.toString()).catch(() => null);
    if (parsed === null) return null;
    const subject = parsed.certificates[0]?.subjectName.getField('CN')[0] ?? '';
    return { leaf: parsed.leaf, subject, chainProblem: this.#problem(chain) };
  }

  #problem(chain: readonly X509Certificate[]): string | null {
    try {
      this.#roots.check(chain, this.#now);
      return null;
    } catch (thrown) {
      return thrown instanceof Error ? thrown.message : 'it cannot be checked.';
    }
  }
}
