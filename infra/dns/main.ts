/**
 * `npm run dns -- <command>`: DNS zones through the Worker's administration API: what is written where, the plan for
 * declared records, and the way back after a foreign change. `--help` lists the commands.
 */
import { processSurroundings } from '../administration/surroundings.ts';
import { dns } from './dns.ts';

process.exitCode = await dns(process.argv.slice(2), processSurroundings());
