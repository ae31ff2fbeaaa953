import { describe, expect, it } from 'vitest';
import { doubt, proofOf, renderProof, type ProofFacts } from '../../../infra/demo/proof.ts';
import { finishedView } from './views.ts';

const LEAF = 'ab'.repeat(32);
const OTHER = 'cd'.repeat(32);
const dialled = (name: string, sha256 = LEAF, trusted = true) => ({
  name,
  sha256,
  trusted,
  names: ['matrix.example.net', '*.matrix.example.net'],
  issuer: 'Pebble Intermediate',
  notBefore: 0,
  notAfter: 3_888_000_000,
});

function facts(changes: Partial<ProofFacts> = {}): ProofFacts {
  const view = finishedView();
  return {
    view,
    served: [{ id: 'a', address: '127.0.0.1', port: 8_443, dialled: [dialled('matrix.example.net'), dialled('r1.matrix.example.net')] }],
    variable: { path: 'nomad/jobs/proxy', modifyIndex: 27, sha256: LEAF },
    issuance: view.history[0] ?? null,
    keyMadeIn: 'matrix/allocation',
    requests: { acme: 9, dns: 4, relay: 7, nomad: 12 },
    dns: { vendor: 'namecheap', calls: 8, strangersRecords: 14, strangersRecordsUntouched: true, txtLeft: 0, delegated: null },
    parts: { ca: 'real', dns: 'stand-in', nomad: 'stand-in', proxy: 'real' },
    ...changes,
  };
}

describe('facts are a proof', () => {
  it('when every handshake, the variable and the Worker agree', () => {
    expect(doubt(facts())).toBeUndefined();
  });

  it.each<[string, Partial<ProofFacts>, string]>([
    [
      'an instance serves another leaf',
      { served: [{ id: 'a', address: '127.0.0.1', port: 1, dialled: [dialled('matrix.example.net'), dialled('r1.matrix.example.net', OTHER)] }] },
      `serves the leaf ${OTHER} for r1.matrix.example.net`,
    ],
    [
      'the chain leads to nobody we know',
      { served: [{ id: 'a', address: '127.0.0.1', port: 1, dialled: [dialled('matrix.example.net', LEAF, false)] }] },
      "does not lead to the CA's root",
    ],
    ['nothing serves', { served: [] }, 'No instance of the proxy is registered'],
    ['the variable holds another leaf', { variable: { path: 'nomad/jobs/proxy', modifyIndex: 1, sha256: OTHER } }, `holds the leaf ${OTHER}`],
    ['something of a stranger changed', { dns: { ...facts().dns, strangersRecordsUntouched: false } }, 'that is not ours is not what it was before'],
    ['something of ours is left', { dns: { ...facts().dns, txtLeft: 2 } }, '2 of our challenge records are still in the zones'],
    ['the Worker calls it dead', { view: { ...finishedView(), live: null, reason: 'No relay is connected.' } }, 'No relay is connected.'],
  ])('not when %s', (_case, changes, reason) => {
    expect(doubt(facts(changes))).toContain(reason);
  });
});

describe('the object of --json', () => {
  it('has what was dialled, what was issued, the phases, the requests and what is real', () => {
    expect(proofOf(facts())).toEqual({
      served: {
        sha256: LEAF,
        names: ['matrix.example.net', '*.matrix.example.net'],
        issuer: 'Pebble Intermediate',
        notBefore: '1970-01-01T00:00:00.000Z',
        notAfter: '1970-02-15T00:00:00.000Z',
        instances: [{ id: 'a', address: '127.0.0.1', port: 8_443, sha256: LEAF, dialled: ['matrix.example.net', 'r1.matrix.example.net'] }],
      },
      issued: {
        ordered: true,
        sha256: LEAF,
        serial: '01',
        authority: 'demo',
        keyMadeIn: 'matrix/allocation',
        variable: 'nomad/jobs/proxy',
        modifyIndex: 27,
        ms: 3_000,
        at: '1970-01-01T00:00:04.000Z',
      },
      phases: [
        { name: 'order', ms: 1_000 },
        { name: 'install', ms: 60 },
      ],
      requests: { acme: 9, dns: 4, relay: 7, nomad: 12 },
      dns: { vendor: 'namecheap', calls: 8, strangersRecords: 14, strangersRecordsUntouched: true, txtLeft: 0, delegated: null },
      parts: { ca: 'real', dns: 'stand-in', nomad: 'stand-in', proxy: 'real' },
    });
  });

  it('says that nothing was ordered when an earlier start had the certificate issued', () => {
    expect(proofOf(facts({ issuance: null }))).toMatchObject({ issued: { ordered: false, ms: null }, phases: [] });
  });
});

describe('the proof block', () => {
  it('shows fingerprint, names, validity, variable with its index, where the key was made, requests, times and parts', () => {
    const text = renderProof(proofOf(facts()), false).join('\n');
    for (const expected of [
      LEAF,
      '127.0.0.1:8443',
      '45 days',
      'nomad/jobs/proxy, ModifyIndex 27',
      'matrix/allocation',
      'ACME 9, DNS API 4, relay 7, Nomad 12',
      'install 0.06 s',
      'Namecheap, 8 calls; 14 records and settings of others are as they were',
      '3.00 s from due to served',
      'Traefik (real)',
    ]) {
      expect(text).toContain(expected);
    }
  });

  it('tells where the challenge of a delegated name was answered', () => {
    const dns = { ...facts().dns, delegated: { name: 'example.org', target: 'abc.acme.example.net' } };
    expect(renderProof(proofOf(facts({ dns })), false).join('\n')).toContain('_acme-challenge.example.org, a CNAME, is answered from abc.acme.example.net');
  });
});
