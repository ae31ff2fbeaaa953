/** `npm run rotate`: the process around `rotate.ts`. */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ROOT } from '../build/source.ts';
import { Api } from '../administration/api.ts';
import { keptAdminToken, workerOrigin } from '../setup/administrator.ts';
import { promptSecret } from '../setup/prompt.ts';
import { finishSealing, KINDS, rotate } from './rotate.ts';

const USAGE = `usage: npm run rotate -- sealing
       npm run rotate -- sealing --finish [--origin <https://address of the Worker>]
       npm run rotate -- edge
       npm run rotate -- relay [--cluster <name>]
`;

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { cluster: { type: 'string', default: 'main' }, origin: { type: 'string' }, finish: { type: 'boolean', default: false } },
  });
  const kind = KINDS.find((known) => known === positionals[0]);
  const { cluster, finish } = values;
  if (kind === undefined || positionals.length > 1 || !/^[a-z0-9][a-z0-9-]{0,62}$/.test(cluster) || (finish && kind !== 'sealing')) {
    process.stderr.write(USAGE);
    return 2;
  }
  if (!finish) {
    process.stdout.write(await rotate({ kind, cluster, folder: join(ROOT, '.perennial'), today: new Date().toISOString().slice(0, 10) }));
    return 0;
  }
  const origin = workerOrigin(values.origin, process.env);
  const adminToken = keptAdminToken(process.env) ?? (await promptSecret('Administrator token: ')).trim();
  const { text, done } = await finishSealing(new Api({ origin, adminToken, fetch }));
  process.stdout.write(`${text}\n`);
  return done ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (thrown) {
  process.stderr.write(`${thrown instanceof Error ? thrown.message : 'It failed.'}\n`);
  process.exitCode = 1;
}
