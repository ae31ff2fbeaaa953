/** Every scenario, in the order in which they run: those that share a laboratory stand together. */
import type { Scenario } from '../bench.ts';
import { cpu } from './cpu.ts';
import { fleet } from './fleet.ts';
import { freePlan } from './free-plan.ts';
import { issue } from './issue.ts';
import { lego } from './lego.ts';
import { namecheap } from './namecheap.ts';
import { page } from './page.ts';
import { plan } from './plan.ts';
import { real } from './real.ts';
import { relay } from './relay.ts';
import { requests } from './requests.ts';
import { served } from './served.ts';
import { swap } from './swap.ts';

export const SCENARIOS: readonly Scenario[] = [served, requests, cpu, freePlan, swap, relay, lego, issue, fleet, page, plan, namecheap, real];
