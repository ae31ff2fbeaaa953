/**
 * The envelope of every reply: `<ApiResponse Status="OK">` with empty `<Errors>` and one `<CommandResponse>`.
 *
 * Errors come with HTTP 200, and with a result that looks like an empty domain; so status and errors are looked at before
 * anything else. What is not exactly the reply to the command is refused (Namecheap API, "Error codes").
 */
import type { PerennialError } from '../errors.ts';
import { namecheapError, rateLimited, vendorFailure, vendorText, type VendorReply } from './failures.ts';
import { parseXml, type XmlElement, XmlRefusal } from './xml.ts';

const UNKNOWN_REPLY =
  'Nothing is written after such a reply. If it stays so, the API of Namecheap has changed: please report it, and delegate _acme-challenge of the names by CNAME until then.';

/** A reply whose content is at fault: nobody may act on it, now or later. */
export function unreadable(why: string, options: { hint?: string; details?: PerennialError['details'] } = {}): PerennialError {
  return namecheapError('namecheap_unreadable', `The reply of Namecheap ${why}.`, { hint: UNKNOWN_REPLY, ...options });
}

/** No reply at all, whatever came instead: a web page, half of a document. As a rule an outage, and it passes. */
function noReply(why: string): PerennialError {
  return namecheapError('namecheap_unavailable', `Namecheap did not answer with a whole reply of its API: what came ${why}.`, {
    retryable: true,
    hint: 'Its API is disturbed; nothing is taken from such an answer, and the next attempt comes by itself.',
  });
}

/**
 * The `<ApiResponse>` of a reply whose status is OK and whose errors are empty.
 * @throws PerennialError `namecheap_rate_limited`, `namecheap_unavailable`, `namecheap_unreadable`, and what
 *   {@link vendorFailure} makes of the vendor's error number.
 */
export function readApiResponse(reply: VendorReply): XmlElement {
  if (reply.status === 405 || reply.status === 429) throw rateLimited(reply);
  if (reply.status !== 200) throw namecheapError('namecheap_unavailable', `Namecheap answered with HTTP status ${reply.status}.`, { retryable: true });
  const root = parsed(reply.body);
  if (root.name !== 'apiresponse') throw noReply('is not an ApiResponse');
  const errors = only(root, 'errors');
  const [first] = errors.children;
  if (first !== undefined) throw vendorFailure(numberOf(first), first.text, reply);
  if (errors.text.trim() !== '') throw unreadable('has errors without a number');
  const status = root.attributes.get('status')?.toUpperCase();
  if (status === 'ERROR') throw namecheapError('namecheap_refused', 'Namecheap refused the call without saying why.', { retryable: true });
  if (status !== 'OK') throw noReply('has neither the status OK nor ERROR');
  return root;
}

/**
 * The single `<CommandResponse>` of a reply to `command`.
 * @throws PerennialError as {@link readApiResponse}, and `namecheap_unreadable` for the reply to another command.
 */
export function readCommandResponse(reply: VendorReply, command: string): XmlElement {
  const root = readApiResponse(reply);
  const requested = only(root, 'requestedcommand').text.trim();
  const response = only(root, 'commandresponse');
  const answered = response.attributes.get('type') ?? '';
  if (requested.toLowerCase() !== command.toLowerCase() || answered.toLowerCase() !== command.toLowerCase())
    throw unreadable(`is one to ${vendorText(answered === '' ? requested : answered)}, not to ${command}`);
  return response;
}

/**
 * The single result of a reply to `command`, the only element there: an element named `name` whose domain is `domain`.
 * @throws PerennialError as {@link readCommandResponse}.
 */
export function readResult(reply: VendorReply, command: string, name: string, domain: { attribute: string; name: string }): XmlElement {
  const response = readCommandResponse(reply, command);
  const [result, ...more] = response.children;
  if (result === undefined || more.length > 0 || result.name !== name.toLowerCase())
    throw unreadable(`does not have exactly one ${name}`, { details: { results: response.children.length } });
  const answered = result.attributes.get(domain.attribute.toLowerCase()) ?? '';
  if (answered.toLowerCase().replace(/\.$/, '') !== domain.name) throw unreadable(`is about ${vendorText(answered)}, not about ${domain.name}`);
  return result;
}

/** The one child of that name. @throws PerennialError `namecheap_unavailable` when there are none or several. */
export function only(parent: XmlElement, name: string): XmlElement {
  const [found, ...more] = parent.children.filter((child) => child.name === name.toLowerCase());
  if (found === undefined || more.length > 0) throw noReply(`does not have exactly one ${name}`);
  return found;
}

/** `true` and `false` in any case; null for anything else. */
export function booleanOf(text: string | undefined): boolean | null {
  const lower = text?.toLowerCase();
  return lower === 'true' ? true : lower === 'false' ? false : null;
}

function parsed(body: string): XmlElement {
  try {
    return parseXml(body);
  } catch (thrown) {
    if (thrown instanceof XmlRefusal) throw noReply(thrown.message);
    throw thrown;
  }
}

function numberOf(error: XmlElement): number {
  const number = Number(error.attributes.get('number'));
  return Number.isSafeInteger(number) ? number : 0;
}
