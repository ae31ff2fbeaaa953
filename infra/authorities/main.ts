/**
 * `npm run authorities -- <command>`: the CAs through the Worker's administration API: our account there, what is left of
 * their limits, and a new account key. `--help` lists the commands.
 */
import { processSurroundings } from '../administration/surroundings.ts';
import { authorities } from './authorities.ts';

process.exitCode = await authorities(process.argv.slice(2), processSurroundings());
