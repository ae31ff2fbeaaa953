/**
 * `npm run dns -- <command>`: DNS zones through the Worker's administration API: what is written where, the plan for
 * declared records, and the way back after a foreign change. `--help` lists the commands.
 */
import { promptSecret } from '../setup/prompt.ts';
import { dns } from './dns.ts';
import { processTerminal } from './terminal.ts';

process.exitCode = await dns(process.argv.slice(2), {
  environment: process.env,
  terminal: processTerminal(),
  promptToken: () => promptSecret('Administrator token: '),
  fetch,
});
