// `fullduplex/inspector`: a page that shows what happens on a server.

export {
  defaultInspectorOptions,
  type Inspector,
  type InspectorOptions,
  serveInspector,
} from './inspector/serve-inspector.ts';
export type { InspectedHub, InspectedServer } from './inspector/inspection.ts';
