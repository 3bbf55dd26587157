/** The classes under test, and where the scenario server is. */
export interface Platform {
  readonly WebSocket: unknown;
  readonly WebSocketStream: unknown;
  readonly WebSocketError: unknown;
  readonly url: string;
}

export type Scenarios = Readonly<Record<string, (platform: Platform) => unknown>>;

export const scenarios: Scenarios;
export const streamScenarios: Scenarios;
