/**
 * `npm run certificates -- <command>`: certificates through the Worker's administration API: what is the matter with them,
 * renewing, delivering again, and revoking. `--help` lists the commands.
 */
import { processSurroundings } from '../administration/surroundings.ts';
import { certificates } from './certificates.ts';

process.exitCode = await certificates(process.argv.slice(2), processSurroundings());
