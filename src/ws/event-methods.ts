// The methods of an EventEmitter, typed by a table of events: the name of each, and what its listeners get.

import type { EventEmitter } from 'node:events';

/** A listener of any event. */
export type AnyListener = Parameters<EventEmitter['on']>[1];
type MethodName =
  | 'on'
  | 'once'
  | 'off'
  | 'addListener'
  | 'removeListener'
  | 'prependListener'
  | 'prependOnceListener';

/** An EventEmitter whose listeners know what they get; other events than those of the table are allowed too. */
export interface EventMethods<Events extends { [name in keyof Events]: unknown[] }>
  extends Omit<EventEmitter, MethodName> {
  on<Name extends keyof Events>(event: Name, listener: (this: this, ...args: Events[Name]) => void): this;
  on(event: string | symbol, listener: AnyListener): this;
  once<Name extends keyof Events>(event: Name, listener: (this: this, ...args: Events[Name]) => void): this;
  once(event: string | symbol, listener: AnyListener): this;
  off<Name extends keyof Events>(event: Name, listener: (this: this, ...args: Events[Name]) => void): this;
  off(event: string | symbol, listener: AnyListener): this;
  addListener<Name extends keyof Events>(
    event: Name,
    listener: (this: this, ...args: Events[Name]) => void,
  ): this;
  addListener(event: string | symbol, listener: AnyListener): this;
  removeListener<Name extends keyof Events>(
    event: Name,
    listener: (this: this, ...args: Events[Name]) => void,
  ): this;
  removeListener(event: string | symbol, listener: AnyListener): this;
  prependListener(event: string | symbol, listener: AnyListener): this;
  prependOnceListener(event: string | symbol, listener: AnyListener): this;
}
