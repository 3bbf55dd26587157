import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { NegotiatedExtension } from '../../../../src/protocol/extensions/extension.ts';
import {
  type ExtensionOffer,
  formatExtensions,
  parseExtensions,
} from '../../../../src/protocol/extensions/extension-header.ts';
import { confirmExtensions, negotiateExtensions } from '../../../../src/protocol/extensions/negotiation.ts';
import type { PerMessageDeflateOptions } from '../../../../src/protocol/extensions/permessage-deflate/options.ts';
import { PerMessageDeflate } from '../../../../src/protocol/extensions/permessage-deflate/per-message-deflate.ts';
import { NotingCodec } from './noting-codec.ts';

interface Direction {
  readonly windowBits: number;
  readonly hasTakeover: boolean;
}

interface OfferVector {
  readonly name: string;
  readonly source: string;
  readonly offers: string;
  readonly options?: PerMessageDeflateOptions;
  readonly answer: string | null;
}

interface AnswerVector {
  readonly name: string;
  readonly source: string;
  readonly options?: PerMessageDeflateOptions;
  readonly answer: string;
  readonly sent?: Direction;
  readonly received?: Direction;
  readonly problem?: string;
}

function read(file: string): string {
  return readFileSync(new URL(`../../../vectors/${file}`, import.meta.url), 'utf8');
}

const offerVectors: readonly OfferVector[] = JSON.parse(read('permessage-deflate-offers.json'));
const answerVectors: readonly AnswerVector[] = JSON.parse(read('permessage-deflate-answers.json'));
const takeover: PerMessageDeflateOptions = {
  serverNoContextTakeover: false,
  clientNoContextTakeover: false,
};

function parsed(header: string): ExtensionOffer[] {
  const elements = parseExtensions(header);
  if (typeof elements === 'string') throw new Error(elements);
  return elements;
}

/** What the server agrees on, and the header it answers with; undefined for nothing. */
function accept(
  offers: string,
  options?: PerMessageDeflateOptions,
  codec = new NotingCodec(),
): { answer: string; extension: NegotiatedExtension } | undefined {
  const [extension] = negotiateExtensions(parsed(offers), [new PerMessageDeflate(options, codec)]);
  return extension && { answer: formatExtensions([extension]), extension };
}

function offer(options?: PerMessageDeflateOptions, codec = new NotingCodec()): string {
  const extension = new PerMessageDeflate(options, codec);
  return formatExtensions(extension.offers().map((parameters) => ({ name: extension.name, parameters })));
}

/** What the client takes the answer for; a string for one that is wrong. */
function confirm(
  answer: string,
  options?: PerMessageDeflateOptions,
  codec = new NotingCodec(),
): NegotiatedExtension | string {
  const confirmed = confirmExtensions(parsed(answer), [new PerMessageDeflate(options, codec)]);
  return typeof confirmed === 'string' ? confirmed : confirmed[0];
}

function directionOf({ windowBits, hasTakeover }: Direction): Direction {
  return { windowBits, hasTakeover };
}

describe('a server', () => {
  it.each(offerVectors)('answers $name ($source)', ({ offers, options, answer }) => {
    expect(accept(offers, options)?.answer ?? null).toBe(answer);
  });

  it('compresses and decompresses as it answered', () => {
    const codec = new NotingCodec();
    const options = { ...takeover, level: 6, memLevel: 4, maxInflationRatio: 50 };
    accept('permessage-deflate; server_max_window_bits=11; client_max_window_bits=10', options, codec);
    expect(codec.deflaters).toEqual([{ windowBits: 11, hasTakeover: true, level: 6, memLevel: 4 }]);
    expect(codec.inflaters).toEqual([{ windowBits: 10, hasTakeover: true, maxInflationRatio: 50 }]);
    expect(codec.shared).toEqual([{ windowBits: 11, level: 6, memLevel: 4 }]);
  });

  it('keeps no context of its own where it said so, or of a client that was told so', () => {
    const codec = new NotingCodec();
    accept('permessage-deflate', undefined, codec);
    expect(codec.deflaters.map(directionOf)).toEqual([{ windowBits: 15, hasTakeover: false }]);
    expect(codec.inflaters.map(directionOf)).toEqual([{ windowBits: 15, hasTakeover: false }]);
    // Then no room is needed.
    expect(codec.askedWindowBits).toEqual([]);
  });

  it('uses a smaller window of its own without saying so to a client that did not ask', () => {
    const codec = new NotingCodec();
    accept('permessage-deflate', { serverMaxWindowBits: 9 }, codec);
    expect(codec.deflaters).toMatchObject([{ windowBits: 9 }]);
  });

  it('decompresses with the whole window what comes from a client that cannot be limited', () => {
    const codec = new NotingCodec();
    accept('permessage-deflate', { clientMaxWindowBits: 9 }, codec);
    expect(codec.inflaters).toMatchObject([{ windowBits: 15 }]);
  });

  it('tells the client not to take contexts over when there is no room for another', () => {
    const codec = new NotingCodec();
    codec.hasRoom = false;
    const offers = 'permessage-deflate; client_max_window_bits=12';
    expect(accept(offers, takeover, codec)?.answer).toBe(
      'permessage-deflate; client_no_context_takeover; client_max_window_bits=12',
    );
    expect(codec.askedWindowBits).toEqual([12]);
    expect(codec.inflaters).toMatchObject([{ hasTakeover: false }]);
    expect(codec.deflaters).toMatchObject([{ hasTakeover: true }]);
  });

  it('takes nothing over with a codec that cannot', () => {
    const codec = new NotingCodec({ takeover: false });
    expect(accept('permessage-deflate', takeover, codec)?.answer).toBe(
      'permessage-deflate; server_no_context_takeover; client_no_context_takeover',
    );
  });

  it('declines a window that its codec cannot be held to, and takes the next offer', () => {
    const codec = new NotingCodec({ minDeflateWindowBits: 15 });
    expect(accept('permessage-deflate; server_max_window_bits=14', takeover, codec)).toBeUndefined();
    expect(
      accept('permessage-deflate; server_max_window_bits=14, permessage-deflate', takeover, codec)?.answer,
    ).toBe('permessage-deflate');
    expect(accept('permessage-deflate; server_max_window_bits=15', takeover, codec)?.answer).toBe(
      'permessage-deflate; server_max_window_bits=15',
    );
  });

  it('uses the smallest window of its codec where its own option asks for less', () => {
    const codec = new NotingCodec({ minDeflateWindowBits: 12 });
    const options = { ...takeover, serverMaxWindowBits: 9 };
    expect(accept('permessage-deflate; server_max_window_bits=13', options, codec)?.answer).toBe(
      'permessage-deflate; server_max_window_bits=12',
    );
    expect(codec.deflaters).toMatchObject([{ windowBits: 12 }]);
  });

  it('accepts exactly the offers that RFC 7692 7 does not have declined, whatever they are', () => {
    const name = fc.constantFrom(
      'server_no_context_takeover',
      'client_no_context_takeover',
      'server_max_window_bits',
      'client_max_window_bits',
      'other',
    );
    const value = fc.option(fc.constantFrom('7', '8', '10', '15', '16', '08', 'x'), { nil: undefined });
    const parameters = fc.array(fc.record({ name, value }), { maxLength: 5 });
    fc.assert(
      fc.property(parameters, (offered) => {
        const isValid = offered.every(
          (parameter) =>
            parameter.name !== 'other' &&
            (parameter.name.endsWith('takeover')
              ? parameter.value === undefined
              : ['8', '10', '15'].includes(parameter.value ?? '') ||
                (parameter.value === undefined && parameter.name.startsWith('client'))),
        );
        const isUnique = new Set(offered.map((parameter) => parameter.name)).size === offered.length;
        const extension = new PerMessageDeflate(undefined, new NotingCodec());
        const accepted = extension.accept({ name: extension.name, parameters: offered });
        expect(accepted !== undefined).toBe(isValid && isUnique);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('a client offers', () => {
  it.each<[string, PerMessageDeflateOptions, string]>([
    [
      'to go without contexts, and to be limited, by default',
      {},
      'permessage-deflate; server_no_context_takeover; client_no_context_takeover; client_max_window_bits',
    ],
    [
      'only to be limited where contexts may be taken over',
      takeover,
      'permessage-deflate; client_max_window_bits',
    ],
    [
      'its own smaller window as a hint',
      { ...takeover, clientMaxWindowBits: 10 },
      'permessage-deflate; client_max_window_bits=10',
    ],
    [
      'its smallest window as a hint',
      { ...takeover, clientMaxWindowBits: 8 },
      'permessage-deflate; client_max_window_bits=8',
    ],
    [
      'a limit for the server, and the same without it',
      { ...takeover, serverMaxWindowBits: 10 },
      'permessage-deflate; server_max_window_bits=10; client_max_window_bits, permessage-deflate; client_max_window_bits',
    ],
    [
      'everything at once',
      { serverMaxWindowBits: 8, clientMaxWindowBits: 9 },
      'permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=8; client_max_window_bits=9, ' +
        'permessage-deflate; server_no_context_takeover; client_no_context_takeover; client_max_window_bits=9',
    ],
  ])('%s', (_, options, expected) => {
    expect(offer(options)).toBe(expected);
  });

  it('to go without the contexts of the server when there is no room', () => {
    const codec = new NotingCodec();
    codec.hasRoom = false;
    expect(offer(takeover, codec)).toBe(
      'permessage-deflate; server_no_context_takeover; client_max_window_bits',
    );
    expect(codec.askedWindowBits).toEqual([15]);
  });

  it('not to be limited when its codec could not keep to it', () => {
    expect(
      offer({ ...takeover, clientMaxWindowBits: 10 }, new NotingCodec({ minDeflateWindowBits: 9 })),
    ).toBe('permessage-deflate');
  });

  it('to go without all contexts when its codec cannot take them over', () => {
    expect(offer(takeover, new NotingCodec({ takeover: false }))).toBe(
      'permessage-deflate; server_no_context_takeover; client_no_context_takeover; client_max_window_bits',
    );
  });
});

describe('a client takes an answer', () => {
  it.each(answerVectors)('$name ($source)', ({ options, answer, sent, received, problem }) => {
    const codec = new NotingCodec();
    const confirmed = confirm(answer, options, codec);
    if (typeof confirmed === 'string') {
      expect(confirmed).toBe(`extension permessage-deflate: ${problem}`);
      expect([...codec.deflaters, ...codec.inflaters]).toEqual([]);
      return;
    }
    expect(problem).toBeUndefined();
    expect(codec.deflaters.map(directionOf)).toEqual([sent]);
    expect(codec.inflaters.map(directionOf)).toEqual([received]);
    expect(codec.shared).toMatchObject([{ windowBits: sent?.windowBits }]);
    expect(confirmed.parameters).toEqual(parsed(answer)[0].parameters);
  });

  it('not with a limit that it did not offer to keep', () => {
    const codec = new NotingCodec({ minDeflateWindowBits: 15 });
    expect(confirm('permessage-deflate; client_max_window_bits=12', takeover, codec)).toBe(
      'extension permessage-deflate: parameter client_max_window_bits was not offered (RFC 7692 7.1.2.2)',
    );
  });

  it('not with contexts that its codec cannot take over', () => {
    const codec = new NotingCodec({ takeover: false });
    expect(confirm('permessage-deflate; client_no_context_takeover', undefined, codec)).toBe(
      'extension permessage-deflate: no parameter server_no_context_takeover, expected it as it was offered (RFC 7692 7.1.1.1)',
    );
    expect(confirm('permessage-deflate; server_no_context_takeover', undefined, codec)).toEqual(
      expect.objectContaining({ name: 'permessage-deflate' }),
    );
    expect(codec.deflaters).toMatchObject([{ hasTakeover: false }]);
  });

  it('with what the options say of the codecs', () => {
    const codec = new NotingCodec();
    confirm('permessage-deflate', { ...takeover, level: 9, memLevel: 1, maxInflationRatio: 7 }, codec);
    expect(codec.deflaters).toMatchObject([{ level: 9, memLevel: 1 }]);
    expect(codec.inflaters).toMatchObject([{ maxInflationRatio: 7 }]);
  });
});

describe('what was agreed', () => {
  it('is named and marked as RFC 7692 says', () => {
    const agreed = accept('permessage-deflate')?.extension;
    expect(agreed?.name).toBe('permessage-deflate');
    expect(agreed?.rsvBit).toBe(0x40);
    expect(new PerMessageDeflate(undefined, new NotingCodec()).rsvBit).toBe(0x40);
  });

  it.each([
    [undefined, 1023, false],
    [undefined, 1024, true],
    [undefined, Number.MAX_SAFE_INTEGER, true],
    [{ thresholdBytes: 0 }, 0, true],
    [{ thresholdBytes: 10 }, 9, false],
    [{ thresholdBytes: Number.MAX_SAFE_INTEGER }, 1e9, false],
  ])(
    'with the options %j says of a message of %d bytes whether it is compressed: %s',
    (options, size, is) => {
      const agreed = accept('permessage-deflate', options)?.extension;
      expect(agreed?.shouldDeflate('text', size)).toBe(is);
      expect(agreed?.shouldDeflate('binary', size)).toBe(is);
    },
  );

  it('shares one compressor between connections with equal parameters', () => {
    const codec = new NotingCodec();
    const extension = new PerMessageDeflate(undefined, codec);
    const [first, second] = [1, 2].map(() => extension.accept({ name: extension.name, parameters: [] }));
    expect(first?.shared).toBeDefined();
    expect(first?.shared).toBe(second?.shared);
    expect(first?.deflater).not.toBe(second?.deflater);
  });

  it('is understood alike by both sides, whatever their options and codecs', () => {
    const bits = fc.integer({ min: 8, max: 15 });
    const side = fc.record({
      options: fc.record({
        serverNoContextTakeover: fc.boolean(),
        clientNoContextTakeover: fc.boolean(),
        serverMaxWindowBits: bits,
        clientMaxWindowBits: bits,
      }),
      supports: fc.record({ minDeflateWindowBits: bits, takeover: fc.boolean() }),
      hasRoom: fc.boolean(),
    });
    fc.assert(
      fc.property(side, side, (client, server) => {
        const clientCodec = new NotingCodec(client.supports);
        const serverCodec = new NotingCodec(server.supports);
        clientCodec.hasRoom = client.hasRoom;
        serverCodec.hasRoom = server.hasRoom;
        const answer = accept(offer(client.options, clientCodec), server.options, serverCodec)?.answer;
        if (answer === undefined) throw new Error('nothing agreed');
        const confirmed = confirm(answer, client.options, clientCodec);
        if (typeof confirmed === 'string') throw new Error(confirmed);

        for (const [sender, receiver] of [
          [clientCodec, serverCodec],
          [serverCodec, clientCodec],
        ]) {
          const [sent] = sender.deflaters;
          const [received] = receiver.inflaters;
          expect(sent.windowBits).toBeLessThanOrEqual(received.windowBits);
          expect(sent.windowBits).toBeGreaterThanOrEqual(sender.supports.minDeflateWindowBits);
          if (sent.hasTakeover) expect(received.hasTakeover).toBe(true);
          // Neither does what its codec cannot do.
          if (sent.hasTakeover) expect(sender.supports.takeover).toBe(true);
          if (received.hasTakeover) expect(receiver.supports.takeover && receiver.hasRoom).toBe(true);
        }
        // Each option is kept by the side that has it, as far as its codec can.
        const [clientSent] = clientCodec.deflaters;
        const [serverSent] = serverCodec.deflaters;
        expect(clientSent.windowBits).toBeLessThanOrEqual(
          Math.max(client.options.clientMaxWindowBits, client.supports.minDeflateWindowBits),
        );
        expect(serverSent.windowBits).toBeLessThanOrEqual(
          Math.max(server.options.serverMaxWindowBits, server.supports.minDeflateWindowBits),
        );
        const { serverNoContextTakeover } = client.options;
        if (client.options.clientNoContextTakeover) expect(clientSent.hasTakeover).toBe(false);
        if (serverNoContextTakeover || server.options.serverNoContextTakeover) {
          expect(serverSent.hasTakeover).toBe(false);
        }
        if (server.options.clientNoContextTakeover) expect(clientSent.hasTakeover).toBe(false);
      }),
      { numRuns: 2000 },
    );
  });
});
