import { DurableObject } from 'cloudflare:workers';
import type { Environment } from '../environment.ts';

export class SecretsObject extends DurableObject<Environment> {}
