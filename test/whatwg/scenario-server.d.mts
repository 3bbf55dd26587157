import type { IncomingMessage, ServerResponse } from 'node:http';

export interface ScenarioServer extends AsyncDisposable {
  readonly port: number;
  /** The same as disposing of it. */
  close(): Promise<void>;
}

export function scenarioServer(
  serve?: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<ScenarioServer>;
