/** @jsxRuntime automatic @jsxImportSource hono/jsx */
/** DNS on the status page: every zone that is written to, what stands in its way, and what is declared in it. */
import type { ZoneHealth } from '../../dns/zone-requests.ts';
import { Badge, ToneMark } from './badge.tsx';
import { Hint } from './failure.tsx';
import { Ago, Moment } from './time-text.tsx';
import { providerName, type PlanLine, type ZoneModel } from './zone-model.ts';

/** Rows of the page; those that need somebody come first, and a command lists all. */
const SHOWN_ZONES = 50;
/** Lines of a plan or of a difference shown before "and n more". */
const SHOWN_LINES = 200;

/** Above everything else: something of somebody else's may be lost. */
export const StoppedZones = ({ zones }: { zones: readonly ZoneModel[] }) => {
  const stopped = zones.filter(({ health }) => health.stopped !== null);
  return stopped.length === 0 ? null : (
    <section class="problems" id="stopped" data-keep>
      <h2>{stopped.length === 1 ? 'A DNS zone is stopped' : `${stopped.length} DNS zones are stopped`}</h2>
      <p>Something changed there that is not ours to change. Nothing more is written until somebody has looked.</p>
      <ul>
        {stopped.map(({ health, id }) => (
          <li>
            <a href={`#${id}`}>{health.zoneName}: what differs, and how to restore it</a>
          </li>
        ))}
      </ul>
    </section>
  );
};

export const Zones = ({ zones, now }: { zones: readonly ZoneModel[]; now: number }) =>
  zones.length === 0 ? null : (
    <section class="zones" aria-labelledby="zones-heading">
      <div class="section-head">
        <h2 id="zones-heading">DNS zones</h2>
      </div>
      <div id="zone-rows" data-keep>
        {zones.slice(0, SHOWN_ZONES).map((zone) => (
          <ZoneRow zone={zone} now={now} />
        ))}
        {zones.length > SHOWN_ZONES ? (
          <p class="soft">
            and {zones.length - SHOWN_ZONES} more: <code>npm run dns -- zones</code>
          </p>
        ) : null}
      </div>
    </section>
  );

const ZoneRow = ({ zone, now }: { zone: ZoneModel; now: number }) => {
  const { health, wording } = zone;
  return (
    <section class="zone" id={zone.id} aria-label={health.zoneName} data-keep>
      <header>
        <h3>{health.zoneName}</h3>
        <Badge wording={wording} />
        <p class="soft">
          {providerName(health.provider)}
          {health.vendors.map((name) => (
            <>
              {' '}
              <code>[dns.{name}]</code>
            </>
          ))}
        </p>
      </header>
      <div class="zone-facts">
        <Stopped health={health} now={now} />
        {zone.failing && health.stopped === null && health.lastError !== null ? (
          <div class="failure">
            <p>
              {health.lastError.error.message} <code>{health.lastError.error.code}</code>
            </p>
            {health.lastError.error.hint === undefined ? null : <Hint text={health.lastError.error.hint} />}
            <p class="soft">
              Last tried <Moment now={now} at={health.lastError.at} />
            </p>
          </div>
        ) : null}
        {health.waiting === null ? null : (
          <p class="waiting">
            <span>Waits for:</span> {health.waiting.reason}{' '}
            <span>
              (next step <Ago now={now} at={health.waiting.until} />)
            </span>
          </p>
        )}
        <Declared zone={zone} />
        <p class="soft">
          {health.lastSuccessAt === null ? (
            'Nothing was written yet'
          ) : (
            <>
              Last change <Ago now={now} at={health.lastSuccessAt} />
            </>
          )}
          , {ownRecords(health)}
        </p>
      </div>
    </section>
  );
};

function ownRecords({ live, removing }: ZoneHealth): string {
  if (live === 0) return 'no record of ours in it';
  const count = live === 1 ? '1 record of ours in it' : `${live} records of ours in it`;
  return removing === 0 ? count : `${count}, ${removing} of them to be removed`;
}

/** What differs, line by line, and the two ways on. */
const Stopped = ({ health: { stopped, zoneName }, now }: { health: ZoneHealth; now: number }) =>
  stopped === null ? null : (
    <div class="failure stopped">
      <p>
        <b>
          Stopped <Ago now={now} at={stopped.at} />.
        </b>{' '}
        {capitalised(stopped.message)}
      </p>
      {stopped.lines.length === 0 ? null : (
        <ul class="difference" aria-label="What differs">
          {stopped.lines.slice(0, SHOWN_LINES).map((line) => (
            <li class={line.startsWith('+') ? 'plus' : line.startsWith('-') ? 'minus' : undefined}>
              <code>{line}</code>
            </li>
          ))}
          {stopped.lines.length > SHOWN_LINES ? <li>and {stopped.lines.length - SHOWN_LINES} more</li> : null}
        </ul>
      )}
      <p>To put the zone back as it was before (it shows what it would do, and asks):</p>
      <pre>{stopped.command}</pre>
      <p>To leave the zone as it is now, and go on:</p>
      <pre>npm run dns -- release {zoneName}</pre>
    </div>
  );

/** The message also stands inside of sentences, in small letters. */
function capitalised(message: string): string {
  return message.charAt(0).toUpperCase() + message.slice(1);
}

/** The declared records in one line, the plan behind it, and the button for a plan that waits for somebody. */
const Declared = ({ zone }: { zone: ZoneModel }) => {
  const { declared } = zone.health;
  if (declared === null) return null;
  const { plan } = zone;
  return (
    <div class="declared">
      <p>
        <b>Declared records:</b> {zone.summary}
        {zone.approved ? '.' : '. Nothing of it is written before you approve the plan.'}
      </p>
      {plan === null ? null : plan.ok ? (
        <details id={`${zone.id}-plan`} open={!zone.approved}>
          <summary>The plan</summary>
          <ul class="plan">
            {zone.lines.slice(0, SHOWN_LINES).map((line) => (
              <PlannedLine line={line} />
            ))}
            {zone.lines.length > SHOWN_LINES ? <li>and {zone.lines.length - SHOWN_LINES} more</li> : null}
          </ul>
          {zone.approved ? null : (
            <form method="post" action={`${zone.address}/plan/approve`}>
              <input type="hidden" name="digest" value={plan.plan.digest} />
              <button>
                Approve this plan<span class="hidden">: {zone.health.zoneName}</span>
              </button>
            </form>
          )}
        </details>
      ) : (
        <p class="soft">
          The plan cannot be made now: {plan.message} {plan.hint}
        </p>
      )}
    </div>
  );
};

const PlannedLine = ({ line: { record, word, tone } }: { line: PlanLine }) => (
  <li>
    <span class={`action tone-${tone}`}>
      <ToneMark tone={tone} /> {word}
    </span>
    <span class="planned">
      <code>
        {record.type} {record.name} {record.value}
      </code>
      {record.found === null || record.found === record.value ? null : (
        <span class="soft">
          now <code>{record.found}</code>
        </span>
      )}
      {record.why === null ? null : <span class="soft">{record.why}</span>}
    </span>
  </li>
);
