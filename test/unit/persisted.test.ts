import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { REASONS } from '../../functions/certificates/renewal.ts';
import {
  ariSchema,
  deliveryStateSchema,
  failureSchema,
  historySchema,
  issuanceSchema,
  leafSchema,
  liveSchema,
  phaseSchema,
  receivedSchema,
  recordSchema,
  wakeReasonSchema,
  wantedRevocationSchema,
} from '../../functions/certificates/state.ts';
import { BACKUP_VERSION, backupPartSchema } from '../../functions/backup/document.ts';
import { certificateSpecSchema, configurationSchema, declaredRecordSchema, deliverySchema, dnsVendorSchema } from '../../functions/config/configuration.ts';
import { accountKeyName } from '../../functions/acme/account-key.ts';
import { budgetSchema } from '../../functions/dns/account/budget.ts';
import { zoneReportSchema } from '../../functions/dns/zone-report.ts';
import { declarationSchema } from '../../functions/dns/declared-document.ts';
import { ownershipComment } from '../../functions/dns/provider.ts';
import {
  attemptSchema,
  gatheringSchema,
  knownSchema,
  progressSchema,
  publicationSchema,
  snapshotContentSchema,
  stoppedSchema,
} from '../../functions/dns/table-state.ts';
import { outboxSchema } from '../../functions/dns/outbox-document.ts';
import { foundZoneSchema, placeSchema, receivedSchema as receivedDeclarationSchema, toldZoneSchema } from '../../functions/records/rows.ts';
import { knownSourceSchema } from '../../functions/records/sources.ts';
import { sealedSchema } from '../../functions/secrets/sealing.ts';
import { cookieName } from '../../functions/web/auth/session.ts';
import { readSignature } from '../../functions/web/auth/standard-webhooks.ts';
import { ROUTES } from '../../functions/web/routes.ts';
import { REQUEST_HEADER, RESPONSE_HEADER } from '../../infra/relay/app.ts';
import { DeliveryRecords } from '../../infra/relay/install/delivery-record.ts';
import { KeyArea } from '../../infra/relay/keys/key-area.ts';
import { lawSchema } from '../../infra/relay/law.ts';
import type { Items, VariableStore } from '../../infra/relay/nomad/variables.ts';
import { errorDataSchema } from '../../shared/errors.ts';
import { hostTableSchema, srvRowSchema } from '../../shared/namecheap/host-table.ts';
import {
  challengeFrame,
  CLOSE,
  eventFrame,
  HEARTBEAT_PING,
  HEARTBEAT_PONG,
  helloFrame,
  refusedFrame,
  relayEventSchema,
  requestFrame,
  responseFrame,
  welcomeFrame,
} from '../../shared/link/frames.ts';
import {
  eventClaims,
  helloClaims,
  type MessageType,
  publicKeySchema,
  requestClaims,
  responseClaims,
  signMessage,
  welcomeClaims,
} from '../../shared/link/signatures.ts';
import {
  createKeyRequest,
  createKeyResponse,
  CONTRACT,
  dnsQueryRequest,
  dnsQueryResponse,
  egressRequest,
  egressResponse,
  inspectRequest,
  inspectResponse,
  installRequest,
  installResponse,
  instancesRequest,
  instancesResponse,
  keyTypeSchema,
  namecheapAccountResponse,
  namecheapQueryRequest,
  namecheapReplySchema,
  namecheapWriteRequest,
  RELAY_ROUTES,
  reloadRequest,
  reloadResponse,
  removeKeyResponse,
  targetSchema,
  verdictSchema,
  verifyRequest,
  verifyResponse,
} from '../../shared/relay/contract.ts';
import { checkedBlocks } from '../persisted/document.ts';
import { type Named, shapeOf } from '../persisted/shape.ts';

const documented = checkedBlocks(readFileSync(new URL('../../docs/persisted.md', import.meta.url), 'utf8'));

const named: Named = new Map<z.core.$ZodType, string>([
  [certificateSpecSchema, 'Specification'],
  [deliverySchema, 'Delivery'],
  [declaredRecordSchema, 'DeclaredRecord'],
  [deliveryStateSchema, 'DeliveryState'],
  [targetSchema, 'Target'],
  [failureSchema, 'Failure'],
  [leafSchema, 'Leaf'],
  [phaseSchema, 'Phase'],
  [keyTypeSchema, 'KeyType'],
  [verdictSchema, 'Verdict'],
  [publicKeySchema, 'PublicKey'],
  [errorDataSchema, 'Error'],
  [foundZoneSchema, 'FoundZone'],
  [hostTableSchema, 'HostTable'],
  [srvRowSchema, 'SrvRow'],
]);

/** Each schema on its own, those with a name of their own spelled out. */
function shapes(schemas: Record<string, z.core.$ZodType>): string {
  return Object.entries(schemas)
    .map(([name, schema]) => `${name}: ${shapeOf(schema, new Map([...named].filter(([other]) => other !== schema)))}`)
    .join('\n');
}

describe('docs/persisted.md says exactly', () => {
  const expected: Record<string, () => string | Promise<string>> = {
    'certificate documents': () =>
      shapes({
        record: recordSchema,
        live: liveSchema,
        ari: ariSchema,
        issuance: issuanceSchema,
        received: receivedSchema,
        revocation: wantedRevocationSchema,
        history: historySchema,
        DeliveryState: deliveryStateSchema,
        Failure: failureSchema,
        Leaf: leafSchema,
      }),
    'phases and reasons': () =>
      [
        `Phase: ${phaseSchema.options.join(' ')}`,
        `wake reason: ${wakeReasonSchema.options.join(' ')}`,
        `renewal reason: ${Object.values(REASONS).join(' ')}`,
      ].join('\n'),
    backup: () => {
      const state: [z.core.$ZodType, string][] = [
        [recordSchema, 'record'],
        [liveSchema, 'live'],
        [ariSchema, 'ari'],
        [issuanceSchema, 'issuance'],
        [historySchema, 'history'],
        [dnsVendorSchema, 'DnsVendor'],
      ];
      return [`version: ${BACKUP_VERSION}`, shapeOf(backupPartSchema, new Map([...named, ...state]))].join('\n');
    },
    configuration: () =>
      shapes({
        Configuration: configurationSchema,
        Specification: certificateSpecSchema,
        Delivery: deliverySchema,
        DeclaredRecord: declaredRecordSchema,
        Target: targetSchema,
        KeyType: keyTypeSchema,
        PublicKey: publicKeySchema,
      }),
    'link frames': () =>
      [
        shapes({
          challenge: challengeFrame,
          hello: helloFrame,
          welcome: welcomeFrame,
          refused: refusedFrame,
          request: requestFrame,
          response: responseFrame,
          event: eventFrame,
          'event body': relayEventSchema,
          Error: errorDataSchema,
        }),
        `heartbeat: ${HEARTBEAT_PING} ${HEARTBEAT_PONG}`,
        `close codes: ${Object.entries(CLOSE)
          .map(([name, code]) => `${code} ${name}`)
          .join(', ')}`,
      ].join('\n'),
    'link signatures': signatures,
    'relay contract': () =>
      [
        `version: ${CONTRACT.current}, previous ${CONTRACT.previous}`,
        ...Object.entries(RELAY_ROUTES).map(([name, { method, path, idempotent }]) => `${name}: ${method} ${path}${idempotent ? ' (idempotent)' : ''}`),
        shapes({
          'createKey asks': createKeyRequest,
          'createKey answers': createKeyResponse,
          'removeKey answers': removeKeyResponse,
          'install asks': installRequest,
          'install answers': installResponse,
          'inspect asks': inspectRequest,
          'inspect answers': inspectResponse,
          'reload asks': reloadRequest,
          'reload answers': reloadResponse,
          'verify asks': verifyRequest,
          'verify answers': verifyResponse,
          'egress asks': egressRequest,
          'egress answers': egressResponse,
          'dnsQuery asks': dnsQueryRequest,
          'dnsQuery answers': dnsQueryResponse,
          'instances asks': instancesRequest,
          'instances answers': instancesResponse,
          'namecheapAccount answers': namecheapAccountResponse,
          'namecheapQuery asks': namecheapQueryRequest,
          'namecheapWrite asks': namecheapWriteRequest,
          'namecheapQuery and namecheapWrite answer': namecheapReplySchema,
          HostTable: hostTableSchema,
          Verdict: verdictSchema,
        }),
      ].join('\n'),
    'relay law': () => shapes({ Law: lawSchema }),
    'relay area': relayArea,
    'zone report': () => shapes({ 'zone report': zoneReportSchema }),
    'declared records of a zone': () => shapes({ declared: declarationSchema }),
    'documents of a zone': () =>
      shapes({
        'table-known': knownSchema,
        'table-attempt': attemptSchema,
        'table-gathering': gatheringSchema,
        'table-progress': progressSchema,
        'table-stopped': stoppedSchema,
        outbox: outboxSchema,
        'snapshots.table_json': snapshotContentSchema,
        publication: publicationSchema,
        SrvRow: srvRowSchema,
      }),
    'declared records': () =>
      shapes({ received: receivedDeclarationSchema, source: knownSourceSchema, place: placeSchema, zone: toldZoneSchema, FoundZone: foundZoneSchema }),
    'account budget': () => shapes({ budget: budgetSchema }),
    'sealed secret': () => shapes({ sealed: sealedSchema }),
    'names at vendors': async () => [await accountKeyName('https://acme-v02.api.letsencrypt.org/directory'), ownershipComment('issuance-1')].join('\n'),
    'public routes': () => ROUTES.map(({ method, path, access }) => `${method} ${path} (${access})`).join('\n'),
    'names on the wire': () =>
      [`${REQUEST_HEADER} ${RESPONSE_HEADER}`, `${cookieName('https://edge.test/')} ${cookieName('http://localhost/')}`, webhookHeaders().join(' ')].join('\n'),
  };

  for (const [name, actual] of Object.entries(expected)) {
    it(`the ${name} of this code`, async () => {
      expect(await actual()).toBe(documented.get(name));
    });
  }

  it('nothing that is checked by nobody', () => {
    const elsewhere = [...documented.keys()].filter((name) => name.startsWith('tables of ') || name === 'socket attachment' || name === 'certificate view');
    expect([...documented.keys()].toSorted()).toEqual([...Object.keys(expected), ...elsewhere].toSorted());
  });
});

/** What is in the header and what is signed, read from real tokens. */
async function signatures(): Promise<string> {
  const pair = await crypto.subtle.generateKey({ name: 'Ed25519' }, true, ['sign', 'verify']);
  const { x = '', d = '' } = await crypto.subtle.exportKey('jwk', pair.privateKey);
  const key = { kty: 'OKP' as const, crv: 'Ed25519' as const, kid: 'key-1', x, d };
  const hash = 'A'.repeat(43);
  const claims = {
    hello: { aud: '', cluster: '', allocation: '', challenge: hash, nonce: hash, contract: 1, bundle: '', time: 1 },
    welcome: { aud: '', challenge: hash, connection: hash, contract: 1, time: 1 },
    request: { aud: '', method: '', path: '', contentType: '', bodyHash: hash, deadline: 1, connection: hash, sequence: 1 },
    response: { aud: '', requestHash: hash, status: 1, contentType: '', bodyHash: hash },
    event: { aud: '', connection: hash, sequence: 1, bodyHash: hash },
  };
  const headers = await Promise.all(
    (['hello', 'welcome', 'request', 'response', 'event'] satisfies MessageType[]).map(async (type) =>
      Buffer.from((await signMessage(type, claims[type], key)).split('.')[0] ?? '', 'base64url').toString(),
    ),
  );
  return [...headers, shapes({ hello: helloClaims, welcome: welcomeClaims, request: requestClaims, response: responseClaims, event: eventClaims })].join('\n');
}

/** Paths and item names that the relay really writes. */
async function relayArea(): Promise<string> {
  const variables = new Map<string, Items>();
  const store: VariableStore = {
    read: ({ path }) => Promise.resolve(variables.has(path) ? { index: 1, items: variables.get(path) ?? {} } : null),
    write: ({ path }, items) => Promise.resolve((variables.set(path, items), { written: true, index: 1 })),
    remove: ({ path }) => Promise.resolve(void variables.delete(path)),
    list: () => Promise.resolve([]),
  };
  const area = { prefix: '<prefix>', namespace: 'default' };
  await new KeyArea(store, area).create({ issuance: 'issuance-1', names: ['b.example.net', 'a.example.net'], keyType: 'ec-p256' });
  const target = targetSchema.parse({ variable: 'nomad/jobs/proxy' });
  await new DeliveryRecords(store, area).note('matrix', target, { sha256: 'new', previous: { sha256: 'old', certificate: 'PEM', key: 'PEM' } });
  return [...variables].map(([path, items]) => `${path}: ${Object.keys(items).join(' ')}`).join('\n');
}

/** The three headers without any one of which a signed call is not read. */
function webhookHeaders(): string[] {
  const all = { 'webhook-id': 'msg-1', 'webhook-timestamp': '1795219200', 'webhook-signature': `v1,${Buffer.alloc(32).toString('base64')}` };
  expect(readSignature(new Headers(all))).not.toBeNull();
  return Object.keys(all).filter((name) => readSignature(new Headers(Object.entries(all).filter(([other]) => other !== name))) === null);
}
