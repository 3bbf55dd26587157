// How hostile a network is. Chances are from 0 to 1, times are milliseconds.

/** How hostile a network is. */
export interface NetworkWeather {
  /** How long a message takes one way: at least, at most. The order within a connection stays. */
  readonly delayMs: readonly [least: number, most: number];
  /** The chance that a WebSocket is not let through. */
  readonly refused: number;
  /** The chance that a connection is killed within a second after it was opened. */
  readonly earlyDeath: number;
  /** How long a connection lives on average. */
  readonly lifeMs: number;
  /** The chance that the client is not told when its connection dies: only silence tells. */
  readonly silentDeath: number;
  /** The chance that a connection which died for the client lives on for the server, which then hears what was on its way. */
  readonly ghost: number;
  /** How long it lives on. */
  readonly ghostMs: readonly [least: number, most: number];
  /** After how long, on average, one direction of a connection stands still. */
  readonly stallEveryMs: number;
  /** For how long. */
  readonly stallMs: readonly [least: number, most: number];
  /** The chance that a message of several frames arrives as several messages. */
  readonly split: number;
  /** The chance that a request is lost before it arrives. */
  readonly lostRequest: number;
  /** The chance that the answer to a request is lost after it was acted upon. */
  readonly lostAnswer: number;
  /** The chance that a response which streams is held back until its end. */
  readonly heldResponse: number;
}

/** A network in which nothing goes wrong. */
export const calmWeather: NetworkWeather = Object.freeze({
  delayMs: [1, 10] as const,
  refused: 0,
  earlyDeath: 0,
  lifeMs: Infinity,
  silentDeath: 0,
  ghost: 0,
  ghostMs: [0, 0] as const,
  stallEveryMs: Infinity,
  stallMs: [0, 0] as const,
  split: 0,
  lostRequest: 0,
  lostAnswer: 0,
  heldResponse: 0,
});

/** A network in which everything goes wrong now and then. */
export const stormyWeather: NetworkWeather = Object.freeze({
  delayMs: [1, 150] as const,
  refused: 0.15,
  earlyDeath: 0.15,
  lifeMs: 12_000,
  silentDeath: 0.15,
  ghost: 0.4,
  ghostMs: [0, 20_000] as const,
  stallEveryMs: 8_000,
  stallMs: [100, 8_000] as const,
  split: 0.3,
  lostRequest: 0.08,
  lostAnswer: 0.08,
  heldResponse: 0.1,
});
