// What our side and a peer are told of permessage-deflate, as data, and what has to be agreed then. Each setting is
// played on a connection of its own; which settings a peer can play follows from its abilities.

import type { Compression } from './ours.ts';

/** One compressor as it was agreed. */
export interface AgreedCompressor {
  readonly takesOver: boolean;
  readonly windowBits: number;
}

/** Both compressors of a connection. */
export interface Agreed {
  readonly server: AgreedCompressor;
  readonly client: AgreedCompressor;
}

/** What both sides are told, and what comes of it. */
export interface DeflateSetting {
  readonly title: string;
  readonly ours: Compression;
  /** `off`, or a setting in the notation of the header (README.md). */
  readonly theirs: string;
  /** Undefined: nothing is compressed. */
  readonly agreed: Agreed | undefined;
  /** Whether the largest messages are played as well. */
  readonly isThorough: boolean;
}

/** A peer's compression in one of its roles. */
export interface DeflateAbilities {
  /** What it says in any case, in the notation of the header. */
  readonly always: string;
  /** Whether it can be told not to take over, and to ask for it; without, it does what `always` says. */
  readonly choosesTakeover: boolean;
  /** The windows that it can ask of our compressor (client), or grants our wish for (server). */
  readonly ourWindows: readonly number[];
  /** The windows that its own compressor can be limited to. */
  readonly itsWindows: readonly number[];
  /** The windows of its own compressor that make it fail when it is asked for them. */
  readonly breakingWindows: readonly number[];
  /** Whether it can be told to do without compression. */
  readonly canBeOff: boolean;
  /** Whether it can be told to send one message uncompressed (`!plain`). */
  readonly canSendPlain: boolean;
  /** From this size on it compresses what it sends. */
  readonly thresholdBytes: number;
}

/** What a peer can do of compression. */
export interface PeerDeflate {
  readonly asClient?: DeflateAbilities;
  readonly asServer?: DeflateAbilities;
  /** Whether a control frame may come between the fragments of a compressed message. */
  readonly allowsControlBetweenFragments: boolean;
}

/** All windows of RFC 7692 7.1.2. */
export const everyWindow: readonly number[] = [8, 9, 10, 11, 12, 13, 14, 15];

/**
 * What holds of many: it takes every parameter in both directions and compresses whatever it sends. The others differ
 * from it.
 */
export const completeDeflate: DeflateAbilities = {
  always: '',
  choosesTakeover: true,
  ourWindows: everyWindow,
  itsWindows: everyWindow,
  breakingWindows: [],
  canBeOff: true,
  canSendPlain: false,
  thresholdBytes: 0,
};

const [withoutServer, withoutClient] = ['server_no_context_takeover', 'client_no_context_takeover'];
const limitable = 'client_max_window_bits';
const both = { serverNoContextTakeover: false, clientNoContextTakeover: false };
const full = { takesOver: true, windowBits: 15 };

function headerOf(...parameters: readonly string[]): string {
  return ['permessage-deflate', ...parameters.filter((parameter) => parameter !== '')].join('; ');
}

/** The settings of a peer that is the client: our server decides, within what the peer offers. */
export function settingsOfClient(abilities: DeflateAbilities): DeflateSetting[] {
  const { always, choosesTakeover, ourWindows, itsWindows, canBeOff } = abilities;
  const base = choosesTakeover ? limitable : always;
  const isLimitable = base.includes(limitable);
  const settings: DeflateSetting[] = takeoverSettings.map(({ title, ours, server, client }) => ({
    title,
    ours,
    theirs: headerOf(base),
    agreed: {
      server: { ...full, takesOver: server && !base.includes(withoutServer) },
      client: { ...full, takesOver: client && !base.includes(withoutClient) },
    },
    isThorough: true,
  }));
  const asked = choosesTakeover ? [[withoutServer], [withoutClient], [withoutServer, withoutClient]] : [];
  for (const parameters of asked) {
    settings.push({
      title: `it offers ${parameters.join(' and ')}`,
      ours: both,
      theirs: headerOf(...parameters),
      agreed: {
        server: { ...full, takesOver: !parameters.includes(withoutServer) },
        client: { ...full, takesOver: !parameters.includes(withoutClient) },
      },
      isThorough: false,
    });
  }
  const takesOver = { server: !base.includes(withoutServer), client: !base.includes(withoutClient) };
  for (const bits of everyWindow) {
    // Two different windows: one taken for the other is noticed.
    const otherBits = isLimitable && itsWindows.includes(23 - bits) ? 23 - bits : 15;
    const limit = otherBits === 15 ? 'does not limit it' : `limits it to ${otherBits} bits`;
    settings.push({
      title: `our server uses a window of ${bits} bits and ${limit}`,
      ours: { ...both, serverMaxWindowBits: bits, clientMaxWindowBits: otherBits },
      theirs: headerOf(base),
      agreed: {
        server: { takesOver: takesOver.server, windowBits: bits },
        client: { takesOver: takesOver.client, windowBits: otherBits },
      },
      isThorough: false,
    });
  }
  for (const bits of ourWindows) {
    const otherBits = choosesTakeover && itsWindows.includes(23 - bits) ? 23 - bits : 15;
    const own = otherBits === 15 ? base : `${limitable}=${otherBits}`;
    settings.push({
      title: `it offers a server window of ${bits} bits and a client window of ${otherBits}`,
      ours: both,
      theirs: headerOf(`server_max_window_bits=${bits}`, own),
      agreed: { server: { takesOver: true, windowBits: bits }, client: { ...full, windowBits: otherBits } },
      isThorough: false,
    });
  }
  return canBeOff ? [...settings, withoutCompression('it offers nothing')] : settings;
}

/** The settings of a peer that is the server: our client offers, the peer decides. */
export function settingsOfServer(abilities: DeflateAbilities): DeflateSetting[] {
  const { always, choosesTakeover, ourWindows, itsWindows, breakingWindows, canBeOff } = abilities;
  const mayTakeOver = { server: !always.includes(withoutServer), client: !always.includes(withoutClient) };
  const settings: DeflateSetting[] = takeoverSettings.map(({ title, ours, server, client }) => ({
    title,
    ours,
    theirs: headerOf(always),
    agreed: {
      server: { ...full, takesOver: server && mayTakeOver.server },
      client: { ...full, takesOver: client && mayTakeOver.client },
    },
    isThorough: true,
  }));
  const demanded = choosesTakeover ? [[withoutServer], [withoutClient], [withoutServer, withoutClient]] : [];
  for (const parameters of demanded) {
    settings.push({
      title: `it insists on ${parameters.join(' and ')}`,
      ours: both,
      theirs: headerOf(...parameters),
      agreed: {
        server: { ...full, takesOver: !parameters.includes(withoutServer) },
        client: { ...full, takesOver: !parameters.includes(withoutClient) },
      },
      isThorough: false,
    });
  }
  for (const bits of everyWindow) {
    if (breakingWindows.includes(bits)) continue;
    const grantedBits = itsWindows.includes(bits) ? bits : 15;
    const granted = grantedBits === bits ? '' : ', which it does not grant';
    const ownBits = 23 - bits;
    settings.push({
      title: `our client asks for a server window of ${bits} bits${granted}, and uses one of ${ownBits}`,
      ours: { ...both, serverMaxWindowBits: bits, clientMaxWindowBits: ownBits },
      theirs: headerOf(always),
      agreed: {
        server: { takesOver: mayTakeOver.server, windowBits: grantedBits },
        client: { takesOver: mayTakeOver.client, windowBits: ownBits },
      },
      isThorough: false,
    });
  }
  for (const bits of ourWindows) {
    const otherBits = itsWindows.includes(23 - bits) ? 23 - bits : 15;
    settings.push({
      title: `it limits our client to ${bits} bits and uses ${otherBits}`,
      ours: both,
      theirs: headerOf(`server_max_window_bits=${otherBits}`, `${limitable}=${bits}`),
      agreed: { server: { ...full, windowBits: otherBits }, client: { ...full, windowBits: bits } },
      isThorough: false,
    });
  }
  return canBeOff ? [...settings, withoutCompression('it declines')] : settings;
}

/** The four ways of taking over, as our options have them. */
const takeoverSettings = [
  { title: 'both sides take over', ours: both, server: true, client: true },
  {
    title: 'only the server takes over',
    ours: { ...both, clientNoContextTakeover: true },
    server: true,
    client: false,
  },
  {
    title: 'only the client takes over',
    ours: { ...both, serverNoContextTakeover: true },
    server: false,
    client: true,
  },
  { title: 'neither side takes over, by our defaults', ours: true, server: false, client: false },
] as const;

function withoutCompression(title: string): DeflateSetting {
  return { title, ours: true, theirs: 'off', agreed: undefined, isThorough: false };
}

/** What the header of the answer says of both compressors; what our side does beyond it is not in there. */
export function agreedBy(extensions: string): Agreed | undefined {
  const [name, ...parameters] = extensions.split(';').map((part) => part.trim());
  if (name !== 'permessage-deflate') return undefined;
  const values = new Map(
    parameters.map((parameter) => {
      const [key = '', value = ''] = parameter.split('=');
      return [key, value.replaceAll('"', '')];
    }),
  );
  const compressorOf = (side: 'server' | 'client'): AgreedCompressor => ({
    takesOver: !values.has(`${side}_no_context_takeover`),
    windowBits: Number(values.get(`${side}_max_window_bits`) ?? 15),
  });
  return { server: compressorOf('server'), client: compressorOf('client') };
}
