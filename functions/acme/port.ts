/** The AcmePort of the certificate life cycle: sessions with a CA and its renewal information. */
import { DAY, HOUR, MINUTE, type Clock } from '../../shared/clock.ts';
import { PerennialError, unwrap } from '../../shared/errors.ts';
import type { AcmePort } from '../certificates/ports.ts';
import type { Authority } from '../config/configuration.ts';
import type { Secret } from '../secrets/secret.ts';
import type { AuthorityRequest, CaActor, OpenRequest } from './actor.ts';
import type { RelayEgress } from './exchange.ts';
import { classify } from './failure-classes.ts';
import { readRenewalInfo } from './resources.ts';
import { type KnownAccount, Session } from './session.ts';
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
  /** Who asks, usually a certificate: a refusal names a moment of its own to come back. */
  caller?: string;
}

export function createAcmePort(deps: AcmePortDeps): AcmePort {
  const requestFor = (name: string): AuthorityRequest => {
    const authority = deps.authority(name);
    if (authority === undefined)
      throw new PerennialError('acme_authority_unknown', `No CA named "${name.slice(0, 63)}" is configured.`, { hint: 'Use a CA of the configuration.' });
    return { authority, clusters: [...deps.clusters] };
  };

  return {
    async open(name, nonce, options = {}) {
      const request: OpenRequest = {
        ...requestFor(name),
        ...(deps.caller === undefined ? {} : { caller: deps.caller }),
        ...(options.register === undefined ? {} : { register: options.register }),
        ...(options.insist === undefined ? {} : { insist: options.insist }),
      };
      const { directory: directoryUrl, egress } = request.authority;
      const actor = () => deps.actor(directoryUrl);
      const account = async (disowned?: string): Promise<KnownAccount> => {
        const asked = disowned === undefined ? request : { ...request, disowned };
        const opened = unwrap(await actor().open(asked));
        try {
          return { opened, key: await deps.secrets.get(opened.keyName) };
        } catch (error) {
          // The account's key may have been changed between the two questions; then it has another name now.
          const again = unwrap(await actor().open(asked));
          if (again.keyName === opened.keyName) throw error;
          return { opened: again, key: await deps.secrets.get(again.keyName) };
        }
      };
      const known = await account();
      const transport = new Transport(deps, directoryUrl, routesOf(egress, known.opened.route, deps.clusters), nonce, options.budget);
      return new Session({
        clock: deps.clock,
        authority: request.authority,
        caller: deps.caller ?? null,
        actor,
        transport,
        account: known,
        clientFor: ({ opened, key }) => createSignedClient(transport, opened.directory, { key, externalAccount: null }, opened.accountUrl),
        reopen: account,
        profiles: async () => unwrap(await actor().directory({ ...request, fresh: true })).directory.meta?.profiles ?? null,
      });
    },

    async enter(name) {
      return deps.caller === undefined ? null : unwrap(await deps.actor(requestFor(name).authority.directory).enter(deps.caller));
    },

    async leave(name) {
      if (deps.caller !== undefined) unwrap(await deps.actor(requestFor(name).authority.directory).leave(deps.caller));
    },

    async identity(name) {
      const request = requestFor(name);
      return unwrap(await deps.actor(request.authority.directory).identity(request));
    },

    deactivatesAuthorizations: (name) => deps.authority(name)?.deactivateAuthorizations ?? false,

    async renewalInfo(name, certId, budget) {
      const request = requestFor(name);
      const { directory: directoryUrl, egress } = request.authority;
      const { directory, route } = unwrap(await deps.actor(directoryUrl).directory(request));
      if (directory.renewalInfo === undefined) return null;
      const transport = new Transport(deps, directoryUrl, routesOf(egress, route, deps.clusters), null, budget);
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
