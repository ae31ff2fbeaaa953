/**
 * Puts the simulation below the code: modules of the platform and of the world outside are replaced as they are loaded,
 * and clock, chance, timers, network and cryptography become the simulation's. Import nothing of the product before this.
 */
import { type KeyObject, X509Certificate } from 'node:crypto';
import { registerHooks } from 'node:module';
import { DEFECTS } from '../defects.ts';
import { simulatedCrypto } from './crypto.ts';
import { actor, actingAs, simulating, surroundings } from './virtual.ts';

const here = (file: string) => new URL(file, import.meta.url).href;
const root = new URL('../../../', import.meta.url).href;

/** What the runtime and the build provide. */
const PROVIDED: Record<string, string> = {
  'cloudflare:workers': here('./workers.ts'),
  'perennial:configuration': here('./configuration.ts'),
  'perennial:relay-bundle': here('./relay-bundle.ts'),
  'perennial:relay-bundle-facts': here('./relay-bundle.ts'),
};

/** Doors to the outside, each behind the port that the product itself defines. */
const DOORS: Record<string, string> = {
  'functions/dns/create-provider.ts': here('../world/vendor.ts'),
  'functions/dns/doh.ts': here('../world/resolvers.ts'),
  'functions/secrets/aws-store.ts': here('./no-aws.ts'),
  'infra/relay/verify/dial.ts': here('../world/proxy-dial.ts'),
  'infra/relay/dns/query.ts': here('../world/authoritative.ts'),
  'infra/relay/link/link.ts': here('./relay-link.ts'),
  'infra/relay/keys/certificate-request.ts': here('./certificate-request.ts'),
  'shared/x509/chain.ts': here('./chain.ts'),
};

/** @param defect name of a seeded defect that is put into the code, or null. */
export function install(defect: string | null): void {
  const chosen = defect === null ? null : DEFECTS.find(({ name }) => name === defect);
  if (chosen === undefined) throw new Error(`There is no defect "${defect}". There are: ${DEFECTS.map(({ name }) => name).join(', ')}.`);
  registerHooks({
    resolve(specifier, context, next) {
      const provided = PROVIDED[specifier];
      if (provided !== undefined) return { url: provided, shortCircuit: true };
      const found = next(specifier, context);
      if (!found.url.startsWith(root) || context.parentURL?.startsWith(`${root}test/`) === true) return found;
      const door = DOORS[found.url.slice(root.length)];
      return door === undefined ? found : { ...found, url: door };
    },
    load(url, context, next) {
      const loaded = next(url, context);
      if (chosen === null || url !== `${root}${chosen.file}`) return loaded;
      const source = typeof loaded.source === 'string' ? loaded.source : new TextDecoder().decode(loaded.source ?? undefined);
      if (source.split(chosen.find).length !== 2) throw new Error(`The defect "${chosen.name}" does not fit ${chosen.file} any more.`);
      return { ...loaded, source: source.replace(chosen.find, () => chosen.replace) };
    },
  });
  replaceGlobals();
  rememberSignatures();
}

/** The same few certificates are verified again and again: once each is enough, and is the same verdict. */
function rememberSignatures(): void {
  const keys = new WeakMap<X509Certificate, KeyObject>();
  const verdicts = new WeakMap<X509Certificate, WeakMap<KeyObject, boolean>>();
  // oxlint-disable-next-line typescript/unbound-method -- bound again where it is called
  const own = Object.getOwnPropertyDescriptor(X509Certificate.prototype, 'publicKey')?.get;
  if (own === undefined) throw new Error('Certificates of this Node have no public key.');
  Object.defineProperty(X509Certificate.prototype, 'publicKey', {
    get(this: X509Certificate): KeyObject {
      const key = keys.get(this) ?? (own.call(this) as KeyObject);
      keys.set(this, key);
      return key;
    },
  });
  // oxlint-disable-next-line typescript/unbound-method -- bound again where it is called
  const real = X509Certificate.prototype.verify;
  X509Certificate.prototype.verify = function verify(this: X509Certificate, key: KeyObject): boolean {
    const known = verdicts.get(this) ?? new WeakMap<KeyObject, boolean>();
    verdicts.set(this, known);
    const verdict = known.get(key) ?? real.call(this, key);
    known.set(key, verdict);
    return verdict;
  };
}

function replaceGlobals(): void {
  const RealDate = Date;
  const now = () => (simulating() ? surroundings().now() : RealDate.now());
  class VirtualDate extends RealDate {
    constructor(...parts: unknown[]) {
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- Date takes any of several lists
      super(...((parts.length === 0 ? [now()] : parts) as [number]));
    }
    static override now = now;
  }
  const realRandom = Math.random;
  Math.random = () => (simulating() ? surroundings().random() : realRandom());
  let timer = 0;
  const timers = new Map<number, () => void>();
  const start = (run: (...given: unknown[]) => void, delay = 0, ...given: unknown[]) => {
    const id = (timer += 1);
    const owner = actor();
    const fire = () => {
      timers.delete(id);
      if (owner === undefined) run(...given);
      else if (owner.alive) actingAs(owner, () => run(...given));
    };
    timers.set(id, surroundings().later(delay, fire));
    return id;
  };
  const stop = (id: number | undefined) => {
    if (id === undefined) return;
    timers.get(id)?.();
    timers.delete(id);
  };
  const realTimeout = globalThis.setTimeout;
  const realClear = globalThis.clearTimeout;
  const define = (name: string, value: unknown) => Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  define('Date', VirtualDate);
  define('crypto', simulatedCrypto);
  define('setTimeout', (run: () => void, delay?: number, ...given: unknown[]) =>
    simulating() ? start(run, delay, ...given) : realTimeout(run, delay, ...given),
  );
  define('clearTimeout', (id: number | NodeJS.Timeout | undefined) => (typeof id === 'number' || id === undefined ? stop(id) : realClear(id)));
  define('fetch', async (input: RequestInfo | URL, init: RequestInit = {}) => {
    const who = actor();
    if (who === undefined) throw new Error('The simulation itself fetches nothing.');
    const url = input instanceof Request ? input.url : input instanceof URL ? input.href : input;
    return surroundings().fetch(who, url, init);
  });
  for (const level of ['log', 'info', 'warn', 'error'] as const) {
    // oxlint-disable-next-line no-console -- what the code logs belongs into the trace
    const real = console[level].bind(console);
    console[level] = (...parts: unknown[]) => (actor() === undefined ? real(...parts) : surroundings().log(level, parts.map(String).join(' ')));
  }
}
