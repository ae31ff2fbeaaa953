/**
 * Durable Object classes that count what the platform bills: every call from outside, alarm, request and WebSocket event is
 * one invocation; every row that SQLite writes and every alarm that is set is a row written; an object is active as long as
 * one of its invocations runs. What they do is untouched. External subrequests are counted for each invocation.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { DurableObject } from 'cloudflare:workers';
import { platformNow, shiftObject } from './passing-time.ts';

/** Of one isolate, since its start. */
export interface Usage {
  /** By `<class>.<method>`; the Worker's own are `fetch` and `scheduled`. */
  invocations: Record<string, number>;
  /** By class. */
  rowsWritten: Record<string, number>;
  /** Milliseconds in which an object of the class had an invocation under way; objects side by side count apart. */
  activeMs: Record<string, number>;
  /** External subrequests of the one invocation that made the most, and which that was. */
  most: { subrequests: number; by: string };
}

const invocations = new Map<string, number>();
const rowsWritten = new Map<string, number>();
const activeMs = new Map<string, number>();
let most: Usage['most'] = { subrequests: 0, by: 'nothing' };

interface Invocation {
  what: string;
  subrequests: number;
}
const running = new AsyncLocalStorage<Invocation>();

export function usageSoFar(): Usage {
  return {
    invocations: Object.fromEntries(invocations),
    rowsWritten: Object.fromEntries(rowsWritten),
    activeMs: Object.fromEntries(activeMs),
    most,
  };
}

/** Begins anew with the most that one invocation asks. */
export function forgetMost(): void {
  most = { subrequests: 0, by: 'nothing' };
}

/** Runs one invocation and counts it with its external subrequests. */
export function invoke<T>(what: string, work: () => T): T {
  add(invocations, what, 1);
  return running.run({ what, subrequests: 0 }, work);
}

/** Every `fetch` from here on counts for the invocation that makes it. Calls to objects and relays are none. */
export function countSubrequests(): void {
  const platformFetch = globalThis.fetch;
  globalThis.fetch = (input: RequestInfo | URL, init?: RequestInit) => {
    const invocation = running.getStore();
    if (invocation !== undefined) {
      invocation.subrequests += 1;
      if (invocation.subrequests > most.subrequests) most = { subrequests: invocation.subrequests, by: invocation.what };
    }
    return platformFetch(input, init);
  };
}

/**
 * The same class with every method counted that others can call, its own and those it inherits from classes of ours.
 * @param inner methods that the class calls on itself; private ones (`#`) are out of reach anyway.
 */
export function counted<C extends new (context: DurableObjectState, ...more: never[]) => object>(name: string, target: C, inner: readonly string[] = []): C {
  const prototype: object = target.prototype;
  const active = new WeakMap<object, { count: number; since: number }>();
  for (const method of methodsOf(prototype)) {
    const original: unknown = Reflect.get(prototype, method);
    if (inner.includes(method) || typeof original !== 'function') continue;
    Object.defineProperty(prototype, method, {
      configurable: true,
      value(this: object, ...input: unknown[]): unknown {
        const object = active.get(this) ?? { count: 0, since: 0 };
        active.set(this, object);
        if (object.count === 0) object.since = platformNow();
        object.count += 1;
        const end = (): void => {
          object.count -= 1;
          if (object.count === 0) add(activeMs, name, platformNow() - object.since);
        };
        return endedBy(() => invoke(`${name}.${method}`, (): unknown => Reflect.apply(original, this, input)), end);
      },
    });
  }
  return new Proxy(target, {
    construct(original, input, newTarget): object {
      const context = input[0] as DurableObjectState;
      shiftObject(context);
      countRows(name, context.storage);
      return Reflect.construct(original, input, newTarget) as object;
    },
  });
}

/** Calls `end` once when what `work` does is over, whichever way. */
function endedBy(work: () => unknown, end: () => void): unknown {
  let result: unknown;
  try {
    result = work();
  } catch (thrown) {
    end();
    throw thrown;
  }
  if (!(result instanceof Promise)) {
    end();
    return result;
  }
  return result.finally(end);
}

/** A cursor knows its rows when it was read, which happens in the same breath as the statement. */
function countRows(name: string, storage: DurableObjectStorage): void {
  const { sql } = storage;
  const execute = sql.exec.bind(sql);
  Object.defineProperty(sql, 'exec', {
    configurable: true,
    value: (...input: Parameters<typeof execute>) => {
      const cursor = execute(...input);
      queueMicrotask(() => add(rowsWritten, name, cursor.rowsWritten));
      return cursor;
    },
  });
  for (const method of ['setAlarm', 'deleteAlarm'] as const) {
    const original: (...input: never[]) => unknown = storage[method].bind(storage);
    Object.defineProperty(storage, method, {
      configurable: true,
      value: (...input: never[]) => {
        add(rowsWritten, name, 1);
        return original(...input);
      },
    });
  }
}

function add(to: Map<string, number>, key: string, amount: number): void {
  to.set(key, (to.get(key) ?? 0) + amount);
}

/** Names of the methods from a class up to the platform's own. */
function methodsOf(prototype: object | null): string[] {
  if (prototype === null || prototype === DurableObject.prototype) return [];
  return [...new Set([...Object.getOwnPropertyNames(prototype), ...methodsOf(Object.getPrototypeOf(prototype))])].filter((method) => method !== 'constructor');
}
