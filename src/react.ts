// `fullduplex/react`: hooks over a realtime client.

export {
  createHooks,
  type HookedClient,
  type Hooks,
  type PresenceSnapshot,
  type ReactLike,
} from './realtime/react/hooks.ts';
