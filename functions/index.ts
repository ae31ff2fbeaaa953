/** Entry of the Worker. Thin: routes live in `web/`, objects in their own folders, wiring in `composition.ts`. */
import { offerOnceAMinute, sweepFleet, webDependencies } from './composition.ts';
import type { Environment } from './environment.ts';
import { createApp } from './web/app.ts';

export { CaObject, CertificateObject, ClusterObject, DnsAccountObject, FleetObject, RecordsObject, SecretsObject, ZoneObject } from './objects.ts';

/** Building the routes costs more than answering most requests: once for each environment, that is for each isolate. */
const apps = new WeakMap<Environment, ReturnType<typeof createApp>>();

function appFor(environment: Environment): ReturnType<typeof createApp> {
  const known = apps.get(environment);
  if (known !== undefined) return known;
  const app = createApp(webDependencies(environment));
  apps.set(environment, app);
  return app;
}

export default {
  async fetch(request, environment, context) {
    context.waitUntil(offerOnceAMinute(environment));
    return appFor(environment).fetch(request, environment, context);
  },

  /** Hourly: the configuration of this bundle is offered, then the watchdog of all alarms sweeps (DESIGN §4). */
  async scheduled(_event, environment) {
    await offerOnceAMinute(environment);
    await sweepFleet(environment);
  },
} satisfies ExportedHandler<Environment>;
