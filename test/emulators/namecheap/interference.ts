/** What a fault makes of a request and of its reply. The core decides about the effect itself. */
import { ApiFailure, ConnectionLost, page } from './failure.ts';
import type { ApiFault } from './faults.ts';
import { garbled } from './garbled-replies.ts';
import { failed, overLimit, xmlReply } from './reply.ts';
import { printDocument, type Element } from './xml.ts';

const TRUNCATED_AT = 0.6;

/** The reply of a request that has no effect; undefined when it goes on to have one. @throws ConnectionLost */
export function insteadOfEffect(fault: ApiFault, request: Request, command: string): Promise<Response> | Response | undefined {
  switch (fault.kind) {
    case 'request-lost':
      throw new ConnectionLost();
    case 'html':
      return page(fault.status ?? 200, 'We are performing scheduled maintenance');
    case 'limited':
      return fault.effect === true ? undefined : overLimit(command, fault.answer);
    case 'error':
      return fault.effect === true ? undefined : failed(command, new ApiFailure(fault.number, fault.text));
    case 'silent':
      return fault.effect ? undefined : untilGivenUp(request);
    default:
      return undefined;
  }
}

/** The reply of a request that took effect, or of a read. @throws ConnectionLost */
export function afterEffect(fault: ApiFault, request: Request, command: string, document: Element): Promise<Response> | Response {
  const text = printDocument(document);
  switch (fault.kind) {
    case 'reply-lost':
      throw new ConnectionLost();
    case 'silent':
      return untilGivenUp(request);
    case 'limited':
      return overLimit(command, fault.answer);
    case 'error':
      return failed(command, new ApiFailure(fault.number, fault.text));
    case 'truncated':
      return xmlReply(text.slice(0, Math.floor(text.length * TRUNCATED_AT)));
    case 'not-success':
      return xmlReply(text.replace('IsSuccess="true"', 'IsSuccess="false"'));
    case 'garbled':
      return xmlReply(printDocument(garbled(document, fault.how)));
    default:
      return xmlReply(text);
  }
}

/** Answers nothing until the caller goes away. */
function untilGivenUp({ signal }: Request): Promise<Response> {
  return new Promise((_, reject) => {
    const give = () => reject(new ConnectionLost());
    if (signal.aborted) give();
    else signal.addEventListener('abort', give, { once: true });
  });
}
