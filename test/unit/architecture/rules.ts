/**
 * Which way imports may point (DESIGN §11): `web`, `fleet` -> `certificates` -> ports; adapters implement ports and know
 * neither each other nor the life cycle; composition alone wires them; pure decisions load no platform.
 */
import { closure, type Import, importsOf, type Sources } from './imports.ts';

/** `functions/` areas and what else of `functions/` each may import: a folder, or one file. `type:` allows types only. */
const AREAS: Record<string, readonly string[]> = {
  storage: [],
  config: [],
  certificates: ['config', 'storage'],
  // The SecretStore port and its value type live beside their adapters, because every adapter that logs in takes them.
  acme: ['type:certificates/ports.ts', 'config', 'storage', 'secrets/secret.ts', 'type:secrets/store.ts'],
  dns: ['type:certificates/ports.ts', 'config', 'storage'],
  clusters: ['type:certificates/ports.ts', 'config', 'storage'],
  records: ['type:dns/zone-requests.ts', 'config', 'storage'],
  secrets: ['config', 'storage'],
  notifications: ['type:certificates/ports.ts', 'config', 'storage'],
  // Its document is made of what each area dumps.
  backup: ['acme/authority-dump.ts', 'certificates/certificate-dump.ts', 'dns/zone-dump.ts', 'secrets/secret.ts', 'type:secrets/store.ts'],
  fleet: ['type:certificates/ports.ts', 'certificates/state.ts', 'config', 'dns/zone-report.ts', 'storage'],
  web: ['type:acme', 'type:certificates/ports.ts', 'backup', 'type:fleet', 'type:dns', 'type:clusters', 'type:records', 'config'],
  'environment.ts': ['type:acme', 'type:certificates', 'type:clusters', 'type:dns', 'type:fleet', 'type:records', 'type:secrets'],
  'global.d.ts': [],
  'modules.d.ts': ['type:config'],
  'composition.ts': ['acme', 'backup', 'certificates', 'clusters', 'config', 'dns', 'fleet', 'notifications', 'records', 'secrets', 'web'],
  'objects.ts': ['acme', 'certificates', 'clusters', 'composition.ts', 'dns', 'fleet', 'records', 'secrets'],
  'index.ts': ['composition.ts', 'objects.ts', 'web'],
};

/** A vendor's package -> the one folder that knows it. */
const VENDORS: readonly (readonly [RegExp, string])[] = [
  [/^acme-client(\/|$)/, 'functions/acme/'],
  [/^cloudflare(\/|$)/, 'functions/dns/cloudflare/'],
  [/^@aws-sdk\//, 'functions/secrets/'],
  [/^tldts(\/|$)/, 'functions/acme/'],
  [/^ws(\/|$)/, 'infra/relay/'],
];

/** Decisions and rules that are plain functions of plain data. Loading one loads no platform, storage or wiring. */
export const PURE: readonly string[] = [
  'functions/certificates/backoff.ts',
  'functions/certificates/certificate-dump.ts',
  'functions/certificates/decide.ts',
  'functions/certificates/delivery.ts',
  'functions/certificates/failures.ts',
  'functions/certificates/reconcile.ts',
  'functions/certificates/propagation-policy.ts',
  'functions/certificates/renewal.ts',
  'functions/certificates/state.ts',
  'functions/certificates/view.ts',
  'functions/certificates/wakes.ts',
  'functions/clusters/handshake.ts',
  'functions/clusters/relay-port.ts',
  'functions/dns/account/budget.ts',
  'functions/dns/declared-plan.ts',
  'functions/dns/preflight/caa-search.ts',
  'functions/dns/preflight/caa.ts',
  'functions/dns/audit.ts',
  'functions/dns/table-examine.ts',
  'functions/dns/table-plan.ts',
  'functions/dns/table-state.ts',
  'functions/dns/table-step.ts',
  'functions/dns/table-verdict.ts',
  'functions/dns/zone-plan.ts',
  'functions/fleet/promotion.ts',
  'functions/fleet/sweep.ts',
  'functions/records/instances.ts',
  'functions/records/managed-caa.ts',
  'functions/records/sources.ts',
  'functions/records/zone-declarations.ts',
];

/** Node's modules that workerd has as well, where a library or the build asks for them. */
const NODE_BUILTINS: Record<string, string> = {
  'functions/acme/signed-client.ts': 'node:crypto',
  'functions/dns/doh.ts': 'node:buffer',
  // Runs in the build, never at the edge.
  'functions/config/compile.ts': 'node:crypto',
};

const PLATFORM = /^(cloudflare:|node:|perennial:)/;
/** A Durable Object class: the edge of an area, where the platform comes in and dependencies are asked for. */
const OBJECT = /^functions\/(?:[a-z]+\/)+[a-z]+-object\.ts$/;

/** `file -> target: why not`, for every import that points the wrong way. */
export function violations(sources: Sources): string[] {
  const direct = [...sources].flatMap(([path, source]) =>
    importsOf(path, source).flatMap((found) => {
      const why = refusal(path, found);
      return why === null ? [] : [`${path} -> ${found.target}: ${why}`];
    }),
  );
  const pure = PURE.flatMap((path) => {
    const reached = [...closure(path, sources)].filter(
      (target) => PLATFORM.test(target) || target.startsWith('functions/storage/') || target === 'functions/composition.ts' || OBJECT.test(target),
    );
    return reached.map((target) => `${path} -> ${target}: a pure decision loads a platform`);
  });
  return [...direct, ...pure];
}

function refusal(path: string, found: Import): string | null {
  const vendor = VENDORS.find(([name]) => name.test(found.target));
  if (vendor !== undefined && !path.startsWith(vendor[1]) && !path.startsWith('infra/demo/')) return `only ${vendor[1]} knows this package`;
  if (path.startsWith('shared/')) return sharedRefusal(found);
  if (path.startsWith('infra/')) return infraRefusal(path, found);
  return edgeRefusal(path, found);
}

function sharedRefusal({ target }: Import): string | null {
  if (/^(functions|infra|test)\//.test(target)) return 'shared code knows neither side';
  return PLATFORM.test(target) ? 'shared code runs on both platforms' : null;
}

function infraRefusal(path: string, { target }: Import): string | null {
  if (path.startsWith('infra/relay/') && !/^(shared|infra\/relay)\//.test(target) && /^(functions|infra|test)\//.test(target))
    return 'the relay is built of itself and shared code';
  if (target.startsWith('cloudflare:')) return 'this runs on Node';
  return null;
}

function edgeRefusal(path: string, { target, typeOnly }: Import): string | null {
  if (/^(infra|test)\//.test(target)) return 'the edge is deployed without it';
  const entry = OBJECT.test(path) || path === 'functions/objects.ts' || path === 'functions/index.ts';
  if (PLATFORM.test(target)) {
    if (target.startsWith('perennial:'))
      return /^functions\/(config\/compiled|composition)\.ts$/.test(path) || path.endsWith('.d.ts') ? null : 'only the composition reads what the build made';
    if (NODE_BUILTINS[path] === target) return null;
    return entry && target === 'cloudflare:workers' ? null : 'only Durable Object classes know the platform';
  }
  if (!target.startsWith('functions/')) return null;
  if (OBJECT.test(target) && !typeOnly && path !== 'functions/objects.ts') return 'objects are reached through their namespaces';
  const [here, there] = [areaOf(path), areaOf(target)];
  if (here === there) return null;
  if (there === 'composition.ts') return entry ? null : 'dependencies are handed in, not fetched';
  if (there === 'environment.ts') return typeOnly ? null : 'bindings are types here';
  const allowed = AREAS[here];
  if (allowed === undefined) return `the area ${here} has no rule yet`;
  const file = target.slice('functions/'.length);
  const fits = (rule: string) => rule === there || rule === file;
  if (allowed.some(fits)) return null;
  const types = allowed.filter((rule) => rule.startsWith('type:')).some((rule) => fits(rule.slice('type:'.length)));
  if (!types) return `${here} does not know ${file}`;
  return typeOnly ? null : `${here} knows ${file} by its types only`;
}

/** Folder directly below `functions/`, or the file there. */
function areaOf(path: string): string {
  return path.split('/')[1] ?? '';
}
