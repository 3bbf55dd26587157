import { describe, expect, test } from 'vitest';
import { maxNameLength, maxTextLength, parseChatRequest } from '../../src/app/chat-request.ts';

describe('a request of the chat', () => {
  test.each([
    ['{"type":"hello"}', { type: 'hello' }],
    ['{"type":"hello","name":" Ada "}', { type: 'hello', name: 'Ada' }],
    ['{"type":"hello","name":7}', { type: 'hello' }],
    ['{"type":"say","text":" Hi "}', { type: 'say', text: 'Hi' }],
    ['{"type":"typing","isTyping":true}', { type: 'typing', isTyping: true }],
    ['{"type":"rename","name":"Grace"}', { type: 'rename', name: 'Grace' }],
    ['{"type":"try","experiment":"close","code":4000}', { type: 'try', experiment: 'close', code: 4000 }],
    ['{"type":"try","experiment":"ping","code":"x"}', { type: 'try', experiment: 'ping' }],
  ])('%s is understood', (text, request) => {
    expect(parseChatRequest(text)).toEqual(request);
  });

  test.each([
    '',
    'hello',
    'null',
    '7',
    '[]',
    '{}',
    '{"type":"say"}',
    '{"type":"say","text":"  "}',
    '{"type":"rename","name":"\\u0000"}',
    '{"type":"typing","isTyping":1}',
    '{"type":"try","experiment":"explode"}',
    '{"type":"__proto__"}',
  ])('%j is none', (text) => {
    expect(parseChatRequest(text)).toBeUndefined();
  });

  test('a text that is too long is cut, and not within a character', () => {
    const text = `${'a'.repeat(maxTextLength - 1)}😀`;
    const request = parseChatRequest(JSON.stringify({ type: 'say', text }));
    expect(request).toEqual({ type: 'say', text: 'a'.repeat(maxTextLength - 1) });
  });

  test('a name loses line breaks and marks that turn the direction of text', () => {
    const name = `A\u202eda\n${'x'.repeat(100)}`;
    const request = parseChatRequest(JSON.stringify({ type: 'rename', name }));
    expect(request).toEqual({ type: 'rename', name: `A da ${'x'.repeat(maxNameLength - 5)}` });
  });
});
