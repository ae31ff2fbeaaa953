/** @jsxRuntime automatic @jsxImportSource hono/jsx */
/** Which name servers and resolvers already show the TXT records. */
import type { PropagationReport } from '../../certificates/ports.ts';
import { ToneMark } from './badge.tsx';

export const Propagation = ({ report }: { report: PropagationReport }) => (
  <div class="propagation">
    <p>
      {report.summary}
      {report.weak ? <span class="soft"> The authoritative servers could not be asked, so this is weaker evidence.</span> : null}
    </p>
    <ul class="verdicts">
      {report.servers.map((server) => (
        <li class={server.seen ? 'tone-well' : 'tone-quiet'} title={server.detail}>
          <ToneMark tone={server.seen ? 'well' : 'quiet'} /> {server.name} <i>{server.seen ? 'sees them' : 'not yet'}</i>
        </li>
      ))}
    </ul>
  </div>
);
