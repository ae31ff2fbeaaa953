/**
 * Durable Object classes that count how often they are invoked: every call from outside, alarm, request and WebSocket
 * event is one invocation, as the platform bills it. What they do is untouched.
 */
import { DurableObject } from 'cloudflare:workers';

const invocations = new Map<string, number>();

/** Invocations since the start of this isolate, by `<class>.<method>`. */
export function invocationsSoFar(): Record<string, number> {
  return Object.fromEntries(invocations);
}

export function countInvocation(what: string): void {
  invocations.set(what, (invocations.get(what) ?? 0) + 1);
}

/**
 * The same class with every method counted that others can call, its own and those it inherits from classes of ours.
 * @param inner methods that the class calls on itself; private ones (`#`) are out of reach anyway.
 */
export function counted<C extends abstract new (...input: never[]) => object>(name: string, target: C, inner: readonly string[] = []): C {
  const prototype: object = target.prototype;
  for (const method of methodsOf(prototype)) {
    const original: unknown = Reflect.get(prototype, method);
    if (inner.includes(method) || typeof original !== 'function') continue;
    Object.defineProperty(prototype, method, {
      configurable: true,
      value(this: object, ...input: unknown[]): unknown {
        countInvocation(`${name}.${method}`);
        return Reflect.apply(original, this, input);
      },
    });
  }
  return target;
}

/** Names of the methods from a class up to the platform's own. */
function methodsOf(prototype: object | null): string[] {
  if (prototype === null || prototype === DurableObject.prototype) return [];
  return [...new Set([...Object.getOwnPropertyNames(prototype), ...methodsOf(Object.getPrototypeOf(prototype))])].filter((method) => method !== 'constructor');
}
