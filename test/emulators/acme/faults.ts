/**
 * Where misbehaviour is plugged in: hooks that are asked before each route and may answer in its place, hooks that may
 * replace its reply, and replies that get lost after their effect.
 */
import type { RouteName } from './paths.ts';

export interface FaultRequest {
  /** `undefined` for a path the CA does not know. */
  route: RouteName | undefined;
  /** A copy: its body may be read. */
  request: Request;
}

/** Answers instead of the CA, or leaves it to the CA by returning `undefined`. */
export type FaultHook = (fault: FaultRequest) => Response | undefined | Promise<Response | undefined>;

/** Sees the CA's own reply: passes another one on, loses it (`lost`), or leaves it by returning `undefined`. */
export type ReplyHook = (fault: FaultRequest, reply: Response) => Response | 'lost' | undefined | Promise<Response | 'lost' | undefined>;

export class FaultPort {
  readonly #hooks = new Set<FaultHook>();
  readonly #replyHooks = new Set<ReplyHook>();
  #lost: { route: RouteName; remaining: number }[] = [];

  /** Asks `hook` before each route, after earlier hooks, until the returned function is called. */
  before(hook: FaultHook): () => void {
    this.#hooks.add(hook);
    return () => this.#hooks.delete(hook);
  }

  /** Shows `hook` a copy of each reply that the CA itself gives, until the returned function is called. */
  after(hook: ReplyHook): () => void {
    this.#replyHooks.add(hook);
    return () => this.#replyHooks.delete(hook);
  }

  /** Lets the next `times` requests to `route` take effect and breaks the connection instead of replying. */
  loseReplies(route: RouteName, times = 1): void {
    this.#lost.push({ route, remaining: times });
  }

  clear(): void {
    this.#hooks.clear();
    this.#replyHooks.clear();
    this.#lost = [];
  }

  async answer(fault: FaultRequest): Promise<Response | undefined> {
    for (const hook of this.#hooks) {
      // Hooks are asked in order; the first answer counts.
      // oxlint-disable-next-line no-await-in-loop
      const response = await hook({ ...fault, request: fault.request.clone() });
      if (response !== undefined) return response;
    }
    return undefined;
  }

  /** What becomes of a reply; the first hook that changes it counts. */
  async replace(fault: FaultRequest, reply: Response): Promise<Response | 'lost'> {
    for (const hook of this.#replyHooks) {
      // Hooks are asked in order.
      // oxlint-disable-next-line no-await-in-loop
      const replaced = await hook({ ...fault, request: fault.request.clone() }, reply.clone());
      if (replaced !== undefined) return replaced;
    }
    return reply;
  }

  takeLoss(route: RouteName | undefined): boolean {
    const planned = this.#lost.find((one) => one.route === route);
    if (planned === undefined) return false;
    planned.remaining -= 1;
    if (planned.remaining <= 0) this.#lost = this.#lost.filter((one) => one !== planned);
    return true;
  }
}
