/** `POST /v1/reload`: nudges the proxies of a service. With the shipped proxy job there is nothing to do (`watch`). */
import { PerennialError } from '../../shared/errors.ts';
import type { ReloadRequest, ReloadResponse } from '../../shared/relay/contract.ts';
import type { Law, ServiceRule } from './law.ts';
import type { Workloads } from './nomad/workloads.ts';
import { serviceRule } from './verify/verification.ts';

export class Reload {
  readonly #law: Pick<Law, 'services'>;
  readonly #workloads: Workloads;

  constructor(law: Pick<Law, 'services'>, workloads: Workloads) {
    this.#law = law;
    this.#workloads = workloads;
  }

  /** Throws `service_not_allowed`, `restart_not_allowed`, `nomad_*`. Safe to repeat. */
  async reload(request: ReloadRequest, signal: AbortSignal): Promise<ReloadResponse> {
    const rule = serviceRule(this.#law, request.service);
    switch (request.mode) {
      case 'watch':
        return { mode: 'watch', signalled: 0, note: 'Traefik watches its file; nothing to send.' };
      case 'http':
        return { mode: 'http', signalled: 0, note: 'Traefik polls its HTTP provider; nothing to send.' };
      case 'sighup': {
        const signalled = await this.#each(rule, signal, (allocation) => this.#workloads.hangUp(allocation, rule.task, rule.namespace, signal));
        return { mode: 'sighup', signalled, note: `SIGHUP was sent to task ${rule.task} of ${signalled} allocation(s).` };
      }
      case 'restart': {
        if (!rule.restart) {
          throw new PerennialError('restart_not_allowed', `The relay's law does not allow restarts of ${request.service}.`, {
            hint: 'Set "restart" of the service in the law, or use the reload mode "watch".',
          });
        }
        const signalled = await this.#each(rule, signal, (allocation) => this.#workloads.restart(allocation, rule.task, rule.namespace, signal));
        return { mode: 'restart', signalled, note: `Task ${rule.task} of ${signalled} allocation(s) was restarted.` };
      }
    }
  }

  async #each(rule: ServiceRule, signal: AbortSignal, act: (allocation: string) => Promise<void>): Promise<number> {
    const allocations = (await Promise.all(rule.jobs.map((job) => this.#workloads.allocations(job, rule.namespace, signal)))).flat();
    for (const allocation of allocations) {
      // One after the other, so that a restart never takes all instances away at once.
      // oxlint-disable-next-line no-await-in-loop
      await act(allocation);
    }
    return allocations.length;
  }
}
