import { builtinModules } from 'node:module';
import { fileURLToPath } from 'node:url';
import { cloudflareTest } from '@cloudflare/vitest-plugin';
import { defineConfig } from 'vitest/config';

/** Durable Objects and handlers inside workerd, with the bindings of wrangler.toml. */
export default defineConfig({
  resolve: {
    alias: {
      'perennial:configuration': fileURLToPath(new URL('worker/fixtures/configuration.json', import.meta.url)),
      'perennial:relay-bundle-facts': fileURLToPath(new URL('worker/fixtures/relay-facts.json', import.meta.url)),
      'perennial:relay-bundle': fileURLToPath(new URL('worker/fixtures/relay.txt?raw', import.meta.url)),
    },
  },
  plugins: [
    cloudflareTest({
      wrangler: { configPath: './wrangler.toml' },
      miniflare: {
        bindings: {
          SEALING_KEY: 'c2VhbGluZy1rZXktZm9yLXRlc3RzLTMyLWJ5dGVzISE=',
          ADMIN_TOKEN: 'administrator-token-for-tests',
          // Made for these tests and used nowhere else; its public half stands in worker/clusters/relay-client.ts.
          EDGE_KEY:
            '{"kty":"OKP","crv":"Ed25519","kid":"edge-1","x":"qfE9C432x05Slbaiuphj3fTN57IbNKWqxWEknlZR2rg","d":"5XJKAR5QoRORHRIukdnNEDLvQVOOy1hZJ6-X1h01vYY"}',
        },
      },
    }),
  ],
  test: {
    include: ['test/worker/**/*.test.{ts,tsx}'],
    root: '.',
    // Vitest's own choice leaves one core idle, which on two cores is half of the machine.
    maxWorkers: 2,
    // For what never ends: nothing here is timed, and a busy machine may stand still for a while.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Bundled first, as wrangler does it: CommonJS with directory imports cannot be resolved inside workerd, and hundreds
    // of small modules take longer to load than the tests to run.
    deps: {
      optimizer: {
        ssr: {
          enabled: true,
          include: [
            'acme-client/src/api.js',
            'acme-client/src/http.js',
            '@peculiar/x509',
            'cloudflare/error',
            'cloudflare/resources/dns/records',
            'cloudflare/resources/zones/zones',
            'cloudflare/tree-shakable',
            'dns-packet',
            'hono',
            'jose',
            'zod',
          ],
          rolldownOptions: { platform: 'node', external: [...builtinModules, /^node:/, /^cloudflare:/] },
        },
      },
    },
  },
});
