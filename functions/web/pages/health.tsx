/** @jsxRuntime automatic @jsxImportSource hono/jsx */
/** What stands beside the certificates: relays of each cluster, and what happened lately. */
import { Badge, ToneMark } from './badge.tsx';
import type { ClusterHealth, FleetEvent } from './model.ts';
import { Ago, Sentence } from './time-text.tsx';
import { iso, utcMinute, relative } from './time.ts';
import { RELAY_STATE } from './wording.ts';

/** Clock skew worth showing; the link itself does not depend on clocks. */
const SKEW_SHOWN_MS = 2_000;

export const Clusters = ({ clusters, now }: { clusters: readonly ClusterHealth[]; now: number }) =>
  clusters.length === 0 ? null : (
    <section class="health" id="relays" data-keep>
      <h2>Relays</h2>
      <ul>
        {clusters.map((cluster) => (
          <li>
            <p>
              <b>{cluster.cluster}</b> <Badge wording={RELAY_STATE[cluster.state]} />
            </p>
            <p class="soft">
              {cluster.since === null ? (
                'no relay has ever connected'
              ) : (
                <>
                  since <Ago now={now} at={cluster.since} />
                </>
              )}
            </p>
            {cluster.relays.map((relay) => (
              <p class="relay">
                <code title={`allocation ${relay.allocation}`}>{relay.allocation.slice(0, 8)}</code> seen <Ago now={now} at={relay.lastSeenAt} />
                {Math.abs(relay.skewMs) >= SKEW_SHOWN_MS ? <span class="tone-warn">, clock {skew(relay.skewMs)}</span> : null}
                <span class="soft under" title={`bundle ${relay.bundle}`}>
                  contract {relay.contract}, bundle {relay.bundle.slice(0, 7)}
                </span>
              </p>
            ))}
          </li>
        ))}
      </ul>
    </section>
  );

const skew = (ms: number): string => `${(Math.abs(ms) / 1_000).toFixed(0)} s ${ms > 0 ? 'ahead' : 'behind'}`;

/** As many as stand beside a few certificates; `/api/v1/status` has more. */
const SHOWN_EVENTS = 12;

export const Events = ({ events, now }: { events: readonly FleetEvent[]; now: number }) =>
  events.length === 0 ? null : (
    <section class="health events" id="events" data-keep>
      <h2>Lately</h2>
      <ol>
        {events.slice(0, SHOWN_EVENTS).map((event) => (
          <li>
            <time datetime={iso(event.at)} title={utcMinute(event.at)}>
              {relative(now, event.at)}
            </time>
            <p>
              {event.severity === 'info' ? null : <ToneMark tone={event.severity === 'critical' ? 'bad' : 'warn'} />}
              {(event.certificate ?? event.zone) === null ? null : <b>{event.certificate ?? event.zone} </b>}
              <Sentence text={event.message.split('\n')[0] ?? ''} />
            </p>
          </li>
        ))}
      </ol>
    </section>
  );
