/** What the figures were measured on: without it they cannot be compared. */
import { cpus, loadavg } from 'node:os';

export interface Machine {
  cpus: number;
  model: string;
  node: string;
  /** Load averages of 1, 5 and 15 minutes. */
  load: number[];
}

export function describeMachine(): Machine {
  const processors = cpus();
  return { cpus: processors.length, model: processors[0]?.model.trim() ?? 'unknown', node: process.versions.node, load: loadavg() };
}
