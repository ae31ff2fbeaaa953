import { DurableObject } from 'cloudflare:workers';
import type { Environment } from '../environment.ts';

export class ClusterObject extends DurableObject<Environment> {}
