/** What the watchdog runs when a demo on a real agent was killed: takes the demo's jobs out of Nomad. */
import { connectToNomad, stopJobs } from './nomad-agent.ts';
import { PROXY_JOB, RELAY_JOB } from './nomad.ts';

await stopJobs(await connectToNomad(process.env), [RELAY_JOB, PROXY_JOB]);
