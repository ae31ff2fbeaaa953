/** @jsxRuntime automatic @jsxImportSource hono/jsx */
/** The CAs beside the certificates: our account, the way there, who is left alone until when, and what is left of their limits. */
import type { AuthorityModel } from './authority-model.ts';
import { Badge, ToneMark } from './badge.tsx';
import { Ago, Moment } from './time-text.tsx';

/** Of a CA's breakers and limits, each; the command lists all. */
const SHOWN = 6;

export const Authorities = ({ authorities, now }: { authorities: readonly AuthorityModel[]; now: number }) =>
  authorities.length === 0 ? null : (
    <section class="health authorities" id="authorities" data-keep>
      <h2>Authorities</h2>
      <ul>
        {authorities.map((authority) => (
          <Authority authority={authority} now={now} />
        ))}
      </ul>
    </section>
  );

const Authority = ({ authority, now }: { authority: AuthorityModel; now: number }) => (
  <li>
    <p>
      <b>{authority.name}</b> <Badge wording={authority.wording} />
    </p>
    <p class="soft">
      {authority.route}
      {authority.status?.accountUrl == null ? null : (
        <span class="under">
          account <code>{authority.status.accountUrl}</code>
        </span>
      )}
    </p>
    <Refusal stopped={authority.status?.stopped ?? null} now={now} />
    {authority.breakers.slice(0, SHOWN).map(({ until, held, detail }) => (
      <p class="relay">
        <ToneMark tone="warn" /> {held} before <Moment now={now} at={until} />
        {detail === '' ? null : <span class="soft under">{detail}</span>}
      </p>
    ))}
    {authority.limits.slice(0, SHOWN).map(({ words, fullAt, spent }) => (
      <p class="soft">
        {spent ? <ToneMark tone="warn" /> : null} {words}
        {fullAt <= now ? null : (
          <>
            , all of them <Ago now={now} at={fullAt} />
          </>
        )}
      </p>
    ))}
    {authority.breakers.length > SHOWN || authority.limits.length > SHOWN ? (
      <p class="soft">
        and more: <code>npm run authorities -- list</code>
      </p>
    ) : null}
    {authority.mayRollOver ? (
      <details id={`authority-${authority.name}`}>
        <summary>New account key</summary>
        <p class="soft">
          {authority.status?.rolloverOpen === true
            ? 'A change of the key is not settled yet; pressing asks the CA which one it knows.'
            : 'The account stays, with its orders and limits; its key is replaced at the CA, and the old one is destroyed.'}
        </p>
        <form method="post" action={`/api/v1/authorities/${authority.name}/rollover`}>
          <button>
            Replace the account key<span class="hidden"> at {authority.name}</span>
          </button>
        </form>
      </details>
    ) : null}
  </li>
);

const Refusal = ({ stopped, now }: { stopped: NonNullable<AuthorityModel['status']>['stopped']; now: number }) =>
  stopped === null ? null : (
    <div class="failure">
      <p>
        {stopped.message} <code>{stopped.code}</code>
      </p>
      {stopped.hint === null ? null : <p class="hint">{stopped.hint}</p>}
      <p class="soft">
        Refused since <Ago now={now} at={stopped.since} />, asked again <Ago now={now} at={stopped.until} />
      </p>
    </div>
  );
