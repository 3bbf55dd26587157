// What the start page and its server agree on: the channels, and what may be said in them. Whoever connects can send anything, so the
// schemas here are written out; an application takes those of zod, valibot or arktype.

import type { StandardSchema } from '../contract.ts';
import { defineContract, typed } from '../contract.ts';

/** One message of the chat. */
export interface ChatMessage {
  readonly name: string;
  readonly text: string;
}

/** That somebody writes, or no longer does. */
export interface Typing {
  readonly name: string;
  readonly isTyping: boolean;
}

/** Somebody in the chat, as others see them. */
export interface Person {
  readonly name: string;
}

/** The prices of one second, by symbol. */
export type Prices = Readonly<Record<string, number>>;

/** The longest name, in UTF-16 units. */
export const maxNameLength = 24;
/** The longest message of the chat, in UTF-16 units. */
export const maxTextLength = 500;
/** How many of the last messages a newcomer gets. */
export const chatHistory = 50;
/** How many of the last prices a newcomer gets: a minute of them. */
export const pricesKept = 60;

type Fields = Readonly<Record<string, unknown>>;

/** A schema from a function that makes a T of an object, or says why not. */
function schema<T>(read: (fields: Fields) => T | string): StandardSchema<T> {
  return {
    '~standard': {
      version: 1,
      vendor: 'fullduplex',
      validate: (value) => {
        const made = isFields(value) ? read(value) : 'expected an object';
        return typeof made === 'string' ? { issues: [{ message: made }] } : { value: made };
      },
    },
  };
}

const message = schema<ChatMessage>(({ name, text }) => {
  const [clean, said] = [cleanName(name), cleanText(text)];
  if (clean === '') return 'name: expected a name';
  return said === '' ? 'text: expected some text' : { name: clean, text: said };
});

const typing = schema<Typing>(({ name, isTyping }) => {
  const clean = cleanName(name);
  return clean === '' || typeof isTyping !== 'boolean'
    ? 'expected a name, and whether they type'
    : { name: clean, isTyping };
});

const person = schema<Person>(({ name }) => {
  const clean = cleanName(name);
  return clean === '' ? 'name: expected a name' : { name: clean };
});

/** The types of the contract, for the page: the schemas stay on the server. */
export interface Contract {
  readonly version: string;
  readonly channels: {
    readonly chat: {
      readonly events: { readonly message: StandardSchema<ChatMessage> };
      readonly presence: StandardSchema<Person>;
    };
    readonly 'chat-typing': {
      readonly delivery: 'volatile';
      readonly events: { readonly typing: StandardSchema<Typing> };
    };
    readonly ticker: { readonly events: { readonly prices: StandardSchema<Prices> } };
  };
  readonly calls: {
    readonly freeName: { readonly output: StandardSchema<string>; readonly idempotent: true };
  };
}

/** The contract of the start page. */
export const contract: Contract = defineContract({
  version: '1.0',
  channels: {
    chat: { events: { message }, presence: person },
    // Who types is of no interest a moment later: nothing of it is kept.
    'chat-typing': { delivery: 'volatile', events: { typing } },
    // Every second counts, so that a page which comes back has a chart without a gap.
    ticker: { events: { prices: typed<Prices>() } },
  },
  calls: {
    // A name that nobody in the chat has.
    freeName: { output: typed<string>(), idempotent: true },
  },
});

/** A name as it stands in one line: no control characters, and no marks that turn the direction of the text around it. */
export function cleanName(name: unknown): string {
  if (typeof name !== 'string') return '';
  return shorten(name.replaceAll(/[\p{Cc}\p{Cf}\s]+/gu, ' ').trim(), maxNameLength).trim();
}

function cleanText(text: unknown): string {
  return typeof text === 'string' ? shorten(text.trim(), maxTextLength) : '';
}

function shorten(text: string, maxLength: number): string {
  if (text.length <= maxLength) return text;
  // Not in the middle of a surrogate pair.
  const isSplit = /[\uD800-\uDBFF]/.test(text[maxLength - 1]);
  return text.slice(0, isSplit ? maxLength - 1 : maxLength);
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null;
}
