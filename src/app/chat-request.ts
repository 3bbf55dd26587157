// What a page may send on /chat, checked: whoever connects can send anything.

import type { ChatRequest, Experiment } from './messages.ts';

/** The longest name, in UTF-16 units. */
export const maxNameLength = 24;
/** The longest message of the chat, in UTF-16 units. */
export const maxTextLength = 500;

const experiments: readonly Experiment[] = ['ping', 'fragments', 'binary', 'large-binary', 'close'];

/** Reads a request; undefined when it is none. Names and texts come trimmed and not longer than allowed. */
export function parseChatRequest(text: string): ChatRequest | undefined {
  const fields = objectOf(text);
  if (fields === undefined) return undefined;
  const { type, name, text: said, isTyping, experiment, code } = fields;
  switch (type) {
    case 'hello':
      return typeof name === 'string' && cleanName(name) !== '' ? { type, name: cleanName(name) } : { type };
    case 'rename':
      return typeof name === 'string' && cleanName(name) !== '' ? { type, name: cleanName(name) } : undefined;
    case 'say':
      return typeof said === 'string' && cleanText(said) !== '' ? { type, text: cleanText(said) } : undefined;
    case 'typing':
      return typeof isTyping === 'boolean' ? { type, isTyping } : undefined;
    case 'try': {
      const known = experiments.find((one) => one === experiment);
      if (known === undefined) return undefined;
      return { type, experiment: known, ...(typeof code === 'number' ? { code } : {}) };
    }
    default:
      return undefined;
  }
}

function objectOf(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : undefined;
  } catch {
    // Not JSON: no request.
    return undefined;
  }
}

function cleanName(name: string): string {
  // A name stands in one line: no control characters, and no marks that turn the direction of the text around it.
  return shorten(name.replaceAll(/[\p{Cc}\p{Cf}\s]+/gu, ' ').trim(), maxNameLength).trim();
}

function cleanText(text: string): string {
  return shorten(text.trim(), maxTextLength);
}

function shorten(text: string, maxLength: number): string {
  if (text.length <= maxLength) return text;
  // Not in the middle of a surrogate pair.
  const isSplit = /[\uD800-\uDBFF]/.test(text[maxLength - 1]);
  return text.slice(0, isSplit ? maxLength - 1 : maxLength);
}
