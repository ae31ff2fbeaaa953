/** `[[webhooks]]`: who may ask for renewals from outside, and for which certificates. */
import { listOf, readBlock, tableArray, value, type Table } from './block.ts';
import type { Configuration } from './configuration.ts';
import type { Findings } from './findings.ts';
import { choices } from './suggest.ts';
import { blockName, oneOf, secretReference } from './values.ts';

const scope = oneOf(['renew', 'renew:force', 'reload'], 'scopes = ["renew", "reload"]');
const certificateOrAll = value({ expected: 'the name of a certificate, or "*" for all', example: 'certificates = ["example"]' }, (input) =>
  typeof input === 'string' && (input === '*' || /^[a-z0-9][a-z0-9-]{0,62}$/.test(input)) ? input : undefined,
);
const webhookShape = {
  name: blockName('the webhook', 'name = "deploy"'),
  token: secretReference('token', 'deploy-hook').optional(),
  signing: secretReference('signing', 'deploy-hook').optional(),
  certificates: listOf(certificateOrAll, { min: 1, max: 20_000, example: 'certificates = ["example"] (or "*" for all)' }),
  scopes: listOf(scope, { min: 1, max: 3, example: 'scopes = ["renew", "reload"]' }).optional(),
};

export function readWebhooks(findings: Findings, root: Table, certificates: readonly string[]): Configuration['webhooks'] {
  const names = new Set<string>();
  const existing = new Set(certificates);
  return tableArray(findings, root, 'webhooks', []).flatMap(({ input, path }): Configuration['webhooks'] => {
    const { whole, part } = readBlock(findings, input, path, webhookShape);
    if (part.name !== undefined && names.has(part.name)) findings.add([...path, 'name'], `Another webhook is named ${JSON.stringify(part.name)} already.`);
    if (part.name !== undefined) names.add(part.name);
    if (['token', 'signing'].filter((key) => input[key] !== undefined).length !== 1)
      findings.add(path, 'Expected either "token" (a bearer token) or "signing" (a Standard Webhooks secret). Write for example: token = "secret:deploy-hook"');
    const covered = part.certificates ?? [];
    const all = covered.includes('*');
    if (all && covered.length > 1) findings.add([...path, 'certificates'], '"*" stands for all certificates; remove the others.');
    for (const [index, name] of covered.entries()) {
      if (name === '*') continue;
      if (!existing.has(name))
        findings.add([...path, 'certificates', index], `There is no certificate ${JSON.stringify(name)}. ${choices(name, certificates, 'certificate')}`);
      else if (covered.indexOf(name) < index) findings.add([...path, 'certificates', index], `The certificate ${JSON.stringify(name)} is listed twice.`);
    }
    const secret = whole?.token ?? whole?.signing;
    if (whole === undefined || secret === undefined) return [];
    return [
      {
        name: whole.name,
        kind: whole.token === undefined ? 'signing' : 'token',
        secret,
        certificates: all ? '*' : covered,
        scopes: [...new Set(whole.scopes ?? (['renew', 'reload'] as const))],
      },
    ];
  });
}
