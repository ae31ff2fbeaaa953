/** @jsxRuntime automatic @jsxImportSource hono/jsx */
/** What is known of one certificate, as terms and facts. */
import type { Child } from 'hono/jsx';
import type { CertificateView } from '../../certificates/ports.ts';
import type { CertificateModel } from './model.ts';
import { Ago, Fingerprint, Moment, WholeFingerprint } from './time-text.tsx';
import { utcMinute } from './time.ts';
import { KEY_TYPE } from './wording.ts';

export const Facts = ({ model: { view }, now }: { model: CertificateModel; now: number }) => (
  <section>
    <h2>The certificate</h2>
    <dl class="facts">
      <Fact term="Names">
        <ul class="names">
          {view.domains.map((name) => (
            <li>{name}</li>
          ))}
        </ul>
      </Fact>
      {view.live === null ? null : <LiveFacts live={view.live} now={now} />}
      {view.issuance === null ? null : <OrderedFacts issuance={view.issuance} />}
      {view.renewal === null ? null : (
        <Fact term="Renewal">
          <Moment now={now} at={view.renewal.at} /> {view.renewal.reason}
        </Fact>
      )}
      {view.ari === null ? null : <Suggested ari={view.ari} now={now} />}
      {view.quarantined.length === 0 ? null : (
        <Fact term="Quarantined">
          <ul>
            {view.quarantined.map((sha256) => (
              <li>
                <Fingerprint sha256={sha256} />
              </li>
            ))}
          </ul>
          <span class="soft">Rolled back once, and never installed again.</span>
        </Fact>
      )}
    </dl>
  </section>
);

const Fact = ({ term, children }: { term: string; children?: Child }) => (
  <>
    <dt>{term}</dt>
    <dd>{children}</dd>
  </>
);

const LiveFacts = ({ live, now }: { live: NonNullable<CertificateView['live']>; now: number }) => (
  <>
    <Fact term="Leaf SHA-256">
      <WholeFingerprint sha256={live.sha256} />
    </Fact>
    <Fact term="Issuer">
      {live.issuer}
      {live.authority === null ? null : <span class="soft"> ({live.authority})</span>}
      {live.why === null ? null : <p class="soft">{live.why}</p>}
    </Fact>
    {live.keyType === null ? null : <Fact term="Key">{KEY_TYPE[live.keyType]}</Fact>}
    <Fact term="Serial">
      <code>{live.serial}</code>
    </Fact>
    <Fact term="Valid">
      {utcMinute(live.notBefore)} to {utcMinute(live.notAfter)}
    </Fact>
    <Fact term="Live since">
      <Moment now={now} at={live.since} />
      {live.adopted ? ' (adopted: found in place, not ordered from here)' : null}
    </Fact>
  </>
);

const OrderedFacts = ({ issuance: { authority, keyType, profile, keyMadeIn } }: { issuance: NonNullable<CertificateView['issuance']> }) => (
  <>
    <Fact term="Ordered">
      {[`from ${authority}`, keyType === null ? null : KEY_TYPE[keyType], profile === null ? null : `profile ${profile}`]
        .filter((part) => part !== null)
        .join(', ')}
    </Fact>
    {keyMadeIn === null ? null : <Fact term="New key made in">{keyMadeIn}</Fact>}
  </>
);

/** What the CA suggests (RFC 9773). Its explanation comes from outside: an address to be read, and none to be followed. */
const Suggested = ({ ari, now }: { ari: NonNullable<CertificateView['ari']>; now: number }) => (
  <Fact term="The CA suggests">
    {ari.start === null || ari.end === null ? (
      'nothing yet'
    ) : (
      <>
        {utcMinute(ari.start)} to {utcMinute(ari.end)}
        {ari.selectedAt === null ? null : (
          <p>
            Chosen in it: <Moment now={now} at={ari.selectedAt} />
          </p>
        )}
      </>
    )}
    {ari.explanationUrl === null ? null : (
      <p class="explanation">
        The CA explains it at <code>{ari.explanationUrl}</code>
      </p>
    )}
    <p class="soft">
      Asked again <Ago now={now} at={ari.nextCheckAt} />
      {ari.failures === 0 ? null : `; the last ${ari.failures === 1 ? 'answer' : `${ari.failures} answers`} could not be had`}
    </p>
  </Fact>
);
