// Sec-WebSocket-Extensions as the runner reads it (RFC 6455 9.1) and the rules of permessage-deflate about it (RFC 7692
// 7.1): what may stand in an offer, what in an answer, and which answer fits which offer.

/** @typedef {import('./deflate-peer.mjs').Agreement} Agreement */
/** @typedef {ReadonlyMap<string, string | undefined>} Parameters by name, undefined where there is no value */

export const extensionName = 'permessage-deflate';

const token = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
const element = new RegExp(`^[ \\t]*(${token})[ \\t]*(?:=[ \\t]*(?:(${token})|"(${token})")[ \\t]*)?$`);
/** Decimal, without leading zeros, 8 to 15 (RFC 7692 7.1.2.1). */
const windowBits = /^(?:[89]|1[0-5])$/;
const largestWindowBits = 15;

/** @typedef {'none' | 'bits' | 'bits or none'} ValueRule What has to stand behind a parameter. */
/** @type {ReadonlyMap<string, { inOffer: ValueRule, inAnswer: ValueRule }>} */
const knownParameters = new Map([
  ['server_no_context_takeover', { inOffer: 'none', inAnswer: 'none' }],
  ['client_no_context_takeover', { inOffer: 'none', inAnswer: 'none' }],
  ['server_max_window_bits', { inOffer: 'bits', inAnswer: 'bits' }],
  ['client_max_window_bits', { inOffer: 'bits or none', inAnswer: 'bits' }],
]);

/** @param {string} written @returns {[string, string | undefined]} */
function readElement(written) {
  const found = element.exec(written);
  if (found === null) throw new Error(`${JSON.stringify(written)} where a token was expected (RFC 6455 9.1)`);
  return [found[1], found[2] ?? found[3]];
}

/** @typedef {{ name: string, parameters: [string, string | undefined][] }} Extension as it is written */

/** @param {string} header @returns {Extension[]} */
function readExtensions(header) {
  return header.split(',').map((written) => {
    const [[name, value], ...parameters] = written.split(';').map(readElement);
    if (value !== undefined) throw new Error(`a value behind the name ${name} (RFC 6455 9.1)`);
    return { name, parameters };
  });
}

/** @param {Extension} extension @param {'inOffer' | 'inAnswer'} place @returns {string | undefined} what is wrong with it */
function problemOf({ parameters }, place) {
  for (const [index, [name, value]] of parameters.entries()) {
    const rule = knownParameters.get(name)?.[place];
    if (rule === undefined) return `the unknown parameter ${name} (RFC 7692 7.1)`;
    const isRight = value === undefined ? rule !== 'bits' : rule !== 'none' && windowBits.test(value);
    if (!isRight) return `${name} with the value ${value ?? '(none)'} (RFC 7692 7.1)`;
    if (parameters.findIndex(([other]) => other === name) < index) return `${name} twice (RFC 7692 7.1)`;
  }
  return undefined;
}

/**
 * The offers of permessage-deflate that may be accepted; those that must be declined are left out.
 * @param {string} header @returns {Parameters[]} @throws Error when this is no such header at all
 */
export function acceptableOffers(header) {
  return readExtensions(header)
    .filter((offer) => offer.name === extensionName && problemOf(offer, 'inOffer') === undefined)
    .map(({ parameters }) => new Map(parameters));
}

/**
 * The offers of a client under test, which must all be as they should.
 * @param {string} header @returns {Parameters[]} @throws Error that says what must not stand there
 */
export function readOffers(header) {
  return readExtensions(header)
    .filter(({ name }) => name === extensionName)
    .map((offer) => {
      const problem = problemOf(offer, 'inOffer');
      if (problem !== undefined) throw new Error(`the client offers ${problem}`);
      return new Map(offer.parameters);
    });
}

/** @param {Parameters} offer @param {Parameters} answer */
function fits(offer, answer) {
  // 7.1.1.1: the answer has to include it; 7.1.2.1: with the same or a smaller value; unasked both may stand there.
  if (offer.has('server_no_context_takeover') && !answer.has('server_no_context_takeover')) return false;
  const mostServerBits = offer.get('server_max_window_bits');
  const serverBits = answer.get('server_max_window_bits');
  if (
    mostServerBits !== undefined &&
    (serverBits === undefined || Number(serverBits) > Number(mostServerBits))
  )
    return false;
  // 7.1.2.2: only for an offer that has it, and not above the value that stands there.
  const clientBits = answer.get('client_max_window_bits');
  if (clientBits === undefined) return true;
  if (!offer.has('client_max_window_bits')) return false;
  return Number(clientBits) <= Number(offer.get('client_max_window_bits') ?? largestWindowBits);
}

/**
 * What an answer to these offers makes binding.
 * @param {readonly Parameters[]} offers @param {string} header @returns {Agreement}
 * @throws Error that says why the answer is not one that may be given to these offers
 */
export function agreementOf(offers, header) {
  const [extension, ...others] = readExtensions(header);
  const [other] = [extension, ...others].filter(({ name }) => name !== extensionName);
  if (other !== undefined)
    throw new Error(`the answer has the extension ${other.name}, which was not offered`);
  if (others.length > 0) throw new Error(`the answer has ${extensionName} twice`);
  const problem = problemOf(extension, 'inAnswer');
  if (problem !== undefined) throw new Error(`the answer has ${problem}`);
  const answer = new Map(extension.parameters);
  const offer = offers.find((each) => fits(each, answer));
  if (offer === undefined) throw new Error(`the answer "${header}" fits no offer (RFC 7692 7.1)`);
  // 7.1.2.2: a client keeps to the value that it has offered, also when the answer does not repeat it.
  const clientBits = answer.get('client_max_window_bits') ?? offer.get('client_max_window_bits');
  return {
    serverNoContextTakeover: answer.has('server_no_context_takeover'),
    clientNoContextTakeover: answer.has('client_no_context_takeover'),
    serverMaxWindowBits: Number(answer.get('server_max_window_bits') ?? largestWindowBits),
    clientMaxWindowBits: Number(clientBits ?? largestWindowBits),
  };
}
