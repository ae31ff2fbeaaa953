import { cloudflareTest } from '@cloudflare/vitest-plugin';
import { defineConfig } from 'vitest/config';

/** Durable Objects and handlers inside workerd, with the bindings of wrangler.toml. */
export default defineConfig({
  plugins: [
    cloudflareTest({
      wrangler: { configPath: './wrangler.toml' },
      miniflare: {
        bindings: {
          SEALING_KEY: 'c2VhbGluZy1rZXktZm9yLXRlc3RzLTMyLWJ5dGVzISE=',
          ADMIN_TOKEN: 'administrator-token-for-tests',
        },
      },
    }),
  ],
  test: { include: ['test/worker/**/*.test.ts'], root: '.', testTimeout: 20_000, hookTimeout: 20_000 },
});
