import { describe, expect, it } from 'vitest';
import { FullduplexError } from '../../src/base/errors.ts';
import { ProtocolError } from '../../src/protocol/protocol-error.ts';

describe('ProtocolError', () => {
  it('names the rule, the close code and what was found', () => {
    const error = new ProtocolError('WS_TEXT_INVALID', 1007, 'RFC 6455 8.1', 'not UTF-8');
    expect(error).toBeInstanceOf(FullduplexError);
    expect(error).toMatchObject({
      name: 'ProtocolError',
      code: 'WS_TEXT_INVALID',
      closeCode: 1007,
      section: 'RFC 6455 8.1',
      message: 'not UTF-8 (RFC 6455 8.1)',
    });
    expect('cause' in error).toBe(false);
  });

  it('keeps the error of a codec as its cause', () => {
    const cause = new Error('bad block');
    expect(new ProtocolError('WS_CODEC_FAILED', 1007, 'RFC 7692 7.2.2', 'x', cause).cause).toBe(cause);
  });
});
