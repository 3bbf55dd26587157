// The opcodes of RFC 6455 5.2 and 11.8.

/** What a frame carries: RFC 6455 5.2. */
export const Opcode = {
  continuation: 0x0,
  text: 0x1,
  binary: 0x2,
  close: 0x8,
  ping: 0x9,
  pong: 0xa,
} as const;

/** One of the six opcodes that RFC 6455 defines. */
export type Opcode = (typeof Opcode)[keyof typeof Opcode];

/** Whether the RFC defines this opcode; the other ten are reserved. */
export function isKnownOpcode(opcode: number): opcode is Opcode {
  return opcode <= 0x2 || (opcode >= 0x8 && opcode <= 0xa);
}

/** Whether the opcode is one of a control frame (RFC 6455 5.5: its highest bit is set). */
export function isControlOpcode(opcode: number): boolean {
  return opcode >= 0x8;
}

/** The name of the opcode for people: `text`, `ping`, or `reserved 0x3`. */
export function opcodeName(opcode: number): string {
  for (const [name, value] of Object.entries(Opcode)) if (value === opcode) return name;
  return `reserved 0x${opcode.toString(16)}`;
}
