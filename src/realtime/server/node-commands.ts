// What the nodes that share an engine tell each other beside streams: that a session has come to another node, is to be ended, has
// lost a channel, is called. Each is broadcast and may be lost with the engine; what must not be lost is in the engine itself.

import type { BroadcastEvent, Engine, StreamListener } from '../engine/engine.ts';
import type { WireError } from '../wire/error-codes.ts';
import { readJson, writeJson } from '../wire/json-codec.ts';

/** Whom a command means: one session, or all of a user. */
export type SessionTarget = { readonly session: string } | { readonly user: string };

/** What nodes tell each other. */
export type NodeCommand =
  /** A session has a link on the node that says so, so many after its first: an older one ends. */
  | { readonly kind: 'moved'; readonly session: string; readonly generation: number; readonly node: string }
  /** A hello has counted a session on, and came to nothing: the engine takes no record of an older count any more. */
  | { readonly kind: 'claimed'; readonly session: string; readonly generation: number }
  /** The client of a session is alive: it answered a heartbeat on another node, or waits there for an answer. */
  | { readonly kind: 'alive'; readonly session: string; readonly isAnswer: boolean }
  | { readonly kind: 'disconnect'; readonly target: SessionTarget; readonly error: WireError }
  | {
      readonly kind: 'revoke';
      readonly channel: string;
      readonly target: SessionTarget;
      readonly error: WireError;
    }
  /** Whoever has the session makes this call of its client. */
  | {
      readonly kind: 'call';
      readonly session: string;
      readonly id: string;
      readonly name: string;
      readonly input: string;
      readonly deadlineMs: number;
    }
  | { readonly kind: 'cancel'; readonly session: string; readonly id: string }
  /** What came of it, to the node that asked. */
  | {
      readonly kind: 'result';
      readonly to: string;
      readonly session: string;
      readonly id: string;
      readonly result: string;
      readonly error?: WireError;
    };

const channel = '$nodes';

/** The channel of a node to the others. */
export class NodeCommands implements StreamListener {
  readonly #node: string;
  readonly #engine: Engine;
  readonly #heard: (command: NodeCommand) => void;
  #listening: Promise<void> | undefined;

  /** @param heard hears what the other nodes say */
  constructor(node: string, engine: Engine, heard: (command: NodeCommand) => void) {
    this.#node = node;
    this.#engine = engine;
    this.#heard = heard;
  }

  /** Resolves when this node hears the others. */
  listen(): Promise<void> {
    this.#listening ??= this.#engine.subscribe(channel, this).catch((error: unknown) => {
      this.#listening = undefined;
      throw error;
    });
    return this.#listening;
  }

  /** Tells the others. */
  tell(command: NodeCommand): Promise<void> {
    return this.#engine.broadcast(channel, {
      name: command.kind,
      data: writeJson({ from: this.#node, command }),
    });
  }

  close(): void {
    this.#engine.unsubscribe(channel, this);
  }

  heard(_channel: string, { data }: BroadcastEvent): void {
    const said = readJson(data);
    if (!isSaid(said) || said.from === this.#node) return;
    this.#heard(said.command);
  }

  appended(): void {
    // Nothing is kept here.
  }

  interrupted(): void {
    // What was said meanwhile is lost; see above.
  }
}

// Nodes believe each other: whoever can write into the engine can do more than that.
function isSaid(value: unknown): value is { readonly from: string; readonly command: NodeCommand } {
  return typeof value === 'object' && value !== null && 'from' in value && 'command' in value;
}

/** Whether a session is meant. */
export function isMeant(
  { id, user }: { readonly id: string; readonly user: string | undefined },
  target: SessionTarget,
): boolean {
  return 'session' in target ? target.session === id : target.user === user;
}
