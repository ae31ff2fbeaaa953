/** Types `env` of `cloudflare:workers`. */
import type { Environment } from './environment.ts';

declare global {
  namespace Cloudflare {
    interface Env extends Environment {}
  }
}
