/** The process that a command runs in. */
import { promptSecret } from '../setup/prompt.ts';
import type { Surroundings } from './command.ts';
import { processTerminal } from './terminal.ts';

export function processSurroundings(): Surroundings {
  return { environment: process.env, terminal: processTerminal(), promptToken: () => promptSecret('Administrator token: '), fetch };
}
