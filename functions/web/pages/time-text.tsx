/** @jsxRuntime automatic @jsxImportSource hono/jsx */
/** Elements for times and fingerprints: relative or short for the eye, exact on hover and for programs. */
import { iso, relative, utcMinute } from './time.ts';

/** `in 31 days`, with the moment in UTC as title. */
export const Ago = ({ now, at }: { now: number; at: number }) => (
  <time datetime={iso(at)} title={utcMinute(at)}>
    {relative(now, at)}
  </time>
);

/** `in 31 days · 22 Dec 2026, 04:10 UTC`. */
export const Moment = ({ now, at }: { now: number; at: number }) => (
  <time datetime={iso(at)}>
    {relative(now, at)} <span class="utc">{utcMinute(at)}</span>
  </time>
);

/** First eight bytes of a SHA-256, in groups; the whole of it on hover. */
export const Fingerprint = ({ sha256 }: { sha256: string }) => (
  <code class="fingerprint" title={`SHA-256 ${sha256}`}>
    {(sha256.slice(0, 16).match(/.{4}/g) ?? []).join(' ')}…
  </code>
);

/** The whole SHA-256 in groups of four, for comparing by eye. */
export const WholeFingerprint = ({ sha256 }: { sha256: string }) => <code class="fingerprint whole">{(sha256.match(/.{1,4}/g) ?? []).join(' ')}</code>;

/** A sentence for people in which every whole SHA-256 is a {@link Fingerprint}: 64 characters without a gap break any column. */
export const Sentence = ({ text }: { text: string }) => (
  <>{text.split(/\b([0-9a-f]{64})\b/).map((part, index) => (index % 2 === 0 ? part : <Fingerprint sha256={part} />))}</>
);
