/** The envelope around every answer (`<ApiResponse>`), and its HTTP reply: status 200, errors included. */
import { ApiFailure, page } from './failure.ts';
import { COMMANDS } from './commands.ts';
import { element, leaf, printDocument, type Element } from './xml.ts';

const ERRORS = new WeakMap<Response, string>();

export function envelope(command: string, errors: Element[], response: Element | undefined): Element {
  return element('ApiResponse', { Status: errors.length === 0 ? 'OK' : 'ERROR', xmlns: 'http://api.namecheap.com/xml.response' }, [
    element('Errors', {}, errors),
    element('Warnings'),
    // Without a result the vendor does not repeat the command either.
    response === undefined ? element('RequestedCommand') : leaf('RequestedCommand', command.toLowerCase()),
    ...(response === undefined ? [] : [response]),
    leaf('Server', 'PHX01APIEXT01'),
    leaf('GMTTimeDifference', '--4:00'),
    leaf('ExecutionTime', '0.626'),
  ]);
}

/** @param error its number, where the text holds one; for the log. */
export function xmlReply(text: string, error?: string): Response {
  const response = new Response(text, { headers: { 'content-type': 'text/xml; charset=utf-8', server: 'Microsoft-IIS/10.0' } });
  if (error !== undefined) ERRORS.set(response, error);
  return response;
}

/** The error number inside a reply of {@link xmlReply}. */
export function emulatedError(response: Response): string | undefined {
  return ERRORS.get(response);
}

export function failed(command: string, { number, message, result }: ApiFailure): Response {
  const type = COMMANDS.get(command.toLowerCase())?.type ?? '';
  const response = result === undefined ? undefined : element('CommandResponse', { Type: type }, [result]);
  return xmlReply(printDocument(envelope(command, [leaf('Error', message, { Number: String(number) })], response)), String(number));
}

export function overLimit(command: string, answer: 'status' | 'envelope' = 'status'): Response {
  return answer === 'status' ? page(405, 'Method Not Allowed') : failed(command, new ApiFailure(500_000, 'Too many requests'));
}
