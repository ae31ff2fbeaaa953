/**
 * What the demo keeps between two starts, in one folder that only its owner may read: keys and tokens it made, the
 * Worker's storage, the cluster's variables, and the roots of the CAs it has used (Pebble makes a new one per start).
 */
import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { exportJWK, generateKeyPair } from 'jose';
import { z } from 'zod';
import { privateKeySchema, type PrivateKey, type PublicKey } from '../../shared/link/signatures.ts';

/** Certificates of earlier starts are served until they are replaced, so their roots are remembered; this many. */
const REMEMBERED_ROOTS = 8;

const secretsSchema = z.object({
  /** 32 bytes, base64: the Worker secret SEALING_KEY. */
  sealingKey: z.string(),
  edgeKey: privateKeySchema,
  relayKey: privateKeySchema,
  adminToken: z.string().min(20),
  cloudflareToken: z.string().length(40),
  /** `ApiKey` at Namecheap; what an earlier release has left here holds none. */
  namecheapKey: z.string().length(32).default(newNamecheapKey),
  /** Standard Webhooks secret: `whsec_` and base64. */
  webhookSecret: z.string().startsWith('whsec_'),
});
export type DemoSecrets = z.infer<typeof secretsSchema>;

export class DemoState {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    chmodSync(folder, 0o700);
  }

  path(...parts: string[]): string {
    return join(this.folder, ...parts);
  }

  /** Parsed content of a JSON file; `undefined` when it is missing, unreadable or of another shape. */
  read<S extends z.ZodType>(name: string, schema: S): z.infer<S> | undefined {
    try {
      return schema.parse(JSON.parse(readFileSync(this.path(name), 'utf8')));
    } catch {
      return undefined;
    }
  }

  /** Writes in one step, readable by the owner only. */
  write(name: string, content: string): string {
    const path = this.path(name);
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const temporary = `${path}.${process.pid}`;
    writeFileSync(temporary, content, { mode: 0o600 });
    renameSync(temporary, path);
    return path;
  }

  writeJson(name: string, content: unknown): string {
    return this.write(name, `${JSON.stringify(content, null, 2)}\n`);
  }

  /** A JSON string of a file, null when there is none. */
  readText(name: string): string | null {
    return this.read(name, z.string()) ?? null;
  }

  /** Forgets everything. */
  clear(): void {
    for (const entry of readdirSync(this.folder)) this.remove(entry);
  }

  remove(name: string): void {
    rmSync(this.path(name), { recursive: true, force: true });
  }

  has(name: string): boolean {
    return existsSync(this.path(name));
  }

  /** Keys and tokens of this demo, made at the first start. */
  async secrets(): Promise<DemoSecrets> {
    const known = this.read('secrets.json', secretsSchema);
    if (known !== undefined) return known;
    const made: DemoSecrets = {
      sealingKey: randomBytes(32).toString('base64'),
      edgeKey: await ed25519('edge-1'),
      relayKey: await ed25519('relay-1'),
      adminToken: randomBytes(24).toString('base64url'),
      cloudflareToken: randomBytes(20).toString('hex'),
      namecheapKey: newNamecheapKey(),
      webhookSecret: `whsec_${randomBytes(32).toString('base64')}`,
    };
    this.writeJson('secrets.json', made);
    return made;
  }

  /** Adds a root (PEM) to those remembered and returns all of them, the newest first. */
  rememberRoot(pem: string): string[] {
    const before = this.read('roots.json', z.array(z.string())) ?? [];
    const roots = [pem.trim(), ...before.filter((root) => root !== pem.trim())].slice(0, REMEMBERED_ROOTS);
    this.writeJson('roots.json', roots);
    return roots;
  }
}

function newNamecheapKey(): string {
  return randomBytes(16).toString('hex');
}

async function ed25519(kid: string): Promise<PrivateKey> {
  const { privateKey } = await generateKeyPair('EdDSA', { crv: 'Ed25519', extractable: true });
  return privateKeySchema.parse({ ...(await exportJWK(privateKey)), kid });
}

export function publicHalf({ kty, crv, x, kid }: PrivateKey): PublicKey {
  return { kty, crv, x, kid };
}
