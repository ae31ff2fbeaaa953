/** The AcmePort of the certificate life cycle: sessions with a CA and its renewal information. */
import { DAY, HOUR, MINUTE, type Clock } from '../../shared/clock.ts';
import { PerennialError, unwrap } from '../../shared/errors.ts';
import type { AcmePort } from '../certificates/ports.ts';
import type { Authority } from '../config/configuration.ts';
import type { Secret } from '../secrets/secret.ts';
import type { AuthorityRequest, CaActor } from './actor.ts';
import type { RelayEgress } from './exchange.ts';
import { classify } from './problem.ts';
import { readRenewalInfo } from './resources.ts';
import { Session } from './session.ts';
import { createSignedClient } from './signed-client.ts';
import { routesOf, Transport } from './transport.ts';

/** RFC 9773 §4.3.3: wait this long when the CA names no time or what it says cannot be used. */
const RENEWAL_INFO_PAUSE_MS = 6 * HOUR;

export interface AcmePortDeps {
  clock: Clock;
  /** The block of the promoted configuration, or undefined. */
  authority(name: string): Authority | undefined;
  /** The actor of one directory URL. A fresh stub per call is fine. */
  actor(directoryUrl: string): CaActor;
  secrets: { get(name: string): Promise<Secret> };
  /** Used by the direct route; never follows redirects. */
  fetch: typeof globalThis.fetch;
  relayEgress: RelayEgress;
  /** Clusters whose relays may carry requests when `egress` is `auto`, in order of preference. */
  clusters: readonly string[];
}

export function createAcmePort(deps: AcmePortDeps): AcmePort {
  const requestFor = (name: string): AuthorityRequest => {
    const authority = deps.authority(name);
    if (authority === undefined)
      throw new PerennialError('acme_authority_unknown', `No CA named "${name.slice(0, 63)}" is configured.`, { hint: 'Use a CA of the configuration.' });
    return { authority, clusters: [...deps.clusters] };
  };

  return {
    async open(name, nonce) {
      const request = requestFor(name);
      const { directory: directoryUrl, egress } = request.authority;
      const actor = deps.actor(directoryUrl);
      const opened = unwrap(await actor.open(request));
      const key = await deps.secrets.get(opened.keyName);
      const transport = new Transport(deps, directoryUrl, routesOf(egress, opened.route, deps.clusters), nonce);
      return new Session({
        clock: deps.clock,
        authority: request.authority,
        actor,
        transport,
        opened,
        clientFor: (accountUrl) => createSignedClient(transport, opened.directory, { key, externalAccount: null }, accountUrl),
        reopen: async (disowned) => unwrap(await deps.actor(directoryUrl).open({ ...request, disowned })),
        profiles: async () => unwrap(await deps.actor(directoryUrl).directory({ ...request, fresh: true })).directory.meta?.profiles ?? null,
      });
    },

    async identity(name) {
      const request = requestFor(name);
      return unwrap(await deps.actor(request.authority.directory).identity(request));
    },

    deactivatesAuthorizations: (name) => deps.authority(name)?.deactivateAuthorizations ?? false,

    async renewalInfo(name, certId) {
      const request = requestFor(name);
      const { directory: directoryUrl, egress } = request.authority;
      const { directory, route } = unwrap(await deps.actor(directoryUrl).directory(request));
      if (directory.renewalInfo === undefined) return null;
      const transport = new Transport(deps, directoryUrl, routesOf(egress, route, deps.clusters));
      const url = `${directory.renewalInfo.replace(/\/$/, '')}/${certId}`;
      const reply = await transport.send('renewal-info', { method: 'GET', url, headers: { accept: 'application/json' }, body: null });
      const now = deps.clock();
      // RFC 9773 §4.3.2: clamp what the CA asks for to something sane.
      const retryAt = reply.retryAt === null ? now + RENEWAL_INFO_PAUSE_MS : Math.min(Math.max(reply.retryAt, now + MINUTE), now + DAY);
      return { ...readRenewalInfo(reply), retryAt };
    },

    classify,
  };
}
