// What the inspector and its page say to each other, each a JSON text in a message.

import type { HubInspection } from '../realtime/server/hub-inspection.ts';
import type { ServerConnectionSnapshot } from '../server/server-connection.ts';
import type { ServerSnapshot } from '../server/server-statistics.ts';
import type { RecordedFrameJson } from '../testing/frame-recorder.ts';

/** What is there at one moment. */
export interface InspectorState {
  /** In milliseconds since 1970. */
  readonly atMs: number;
  readonly server: ServerSnapshot;
  /** Those that hold most, or that most goes through, at most 100: by what they hold, then by their number. */
  readonly connections: readonly ServerConnectionSnapshot[];
  /** Null: the inspector was given no hub. */
  readonly hub: HubInspection | null;
}

/** A frame of the connection that is watched; its `atMs` is the time since the watching began. */
export interface WatchedFrame extends RecordedFrameJson {
  /** Whether the payload was longer than what is shown of it. */
  readonly isCut: boolean;
}

/** From the inspector to its page. */
export type InspectorMessage =
  /** The page has to show the key first. */
  | { readonly kind: 'locked' }
  | { readonly kind: 'state'; readonly state: InspectorState }
  | {
      readonly kind: 'frames';
      /** The number of the connection. */
      readonly connection: number;
      readonly frames: readonly WatchedFrame[];
      /** How many were left out because there were too many. */
      readonly dropped: number;
    }
  /** The connection that was watched is gone, or never was there. */
  | { readonly kind: 'gone'; readonly connection: number };

/** From the page to the inspector. */
export type PageMessage =
  | { readonly kind: 'unlock'; readonly key: string }
  /** Null: none any more. */
  | { readonly kind: 'watch'; readonly connection: number | null };
