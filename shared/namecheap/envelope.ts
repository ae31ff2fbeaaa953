/**
 * The envelope of every reply: `<ApiResponse Status="OK">` with empty `<Errors>` and one `<CommandResponse>`.
 *
 * Errors come with HTTP 200, and with a result that looks like an empty domain; so status and errors are looked at before
 * anything else. What is not exactly the reply to the command is refused (Namecheap API, "Error codes").
 */
import type { PerennialError } from '../errors.ts';
import { namecheapError, rateLimited, vendorFailure, vendorText, type VendorReply } from './failures.ts';
import { parseXml, type XmlElement, XmlRefusal } from './xml.ts';

/** A reply that cannot be read. Retryable when the reply as a whole is no reply (an outage), not when its content is at fault. */
export function unreadable(why: string, options: { retryable?: boolean; details?: PerennialError['details'] } = {}): PerennialError {
  return namecheapError('namecheap_unreadable', `The reply of Namecheap ${why}.`, options);
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
  if (root.name !== 'apiresponse') throw unreadable('is not an ApiResponse', { retryable: true });
  const errors = only(root, 'errors');
  const [first] = errors.children;
  if (first !== undefined) throw vendorFailure(numberOf(first), first.text, reply);
  if (errors.text.trim() !== '') throw unreadable('has errors without a number');
  const status = root.attributes.get('status')?.toUpperCase();
  if (status === 'ERROR') throw namecheapError('namecheap_refused', 'Namecheap refused the call without saying why.', { retryable: true });
  if (status !== 'OK') throw unreadable('has neither the status OK nor ERROR', { retryable: true });
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

/** The one child of that name. @throws PerennialError `namecheap_unreadable` when there are none or several. */
export function only(parent: XmlElement, name: string): XmlElement {
  const [found, ...more] = parent.children.filter((child) => child.name === name.toLowerCase());
  if (found === undefined || more.length > 0) throw unreadable(`does not have exactly one ${name}`, { retryable: true });
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
    if (thrown instanceof XmlRefusal) throw unreadable(thrown.message, { retryable: true });
    throw thrown;
  }
}

function numberOf(error: XmlElement): number {
  const number = Number(error.attributes.get('number'));
  return Number.isSafeInteger(number) ? number : 0;
}
