// `fullduplex/tabs`: one client for all tabs of an origin.

export { type SharedClient, shareClient } from './realtime/tabs/share-client.ts';
export {
  type BroadcastChannelConstructor,
  type BroadcastChannelLike,
  defaultShareOptions,
  type LockManagerLike,
  type ShareOptions,
} from './realtime/tabs/tab-options.ts';
